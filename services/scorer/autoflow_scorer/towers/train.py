"""Trains the shipped towers from nothing: `python -m autoflow_scorer.towers.train --out FOLDER --tower clip`.

Progress is printed as JSON lines, and `training.json` in each tower's folder holds what was used and reached.
Equal seeds give equal data; weights agree up to the rounding of bf16. Needs the extras `scenes` and `local`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType

import torch

from autoflow_scorer.towers import NAMES, TowerName
from autoflow_scorer.towers.training import clip, text, vit
from autoflow_scorer.towers.training.optimisation import Schedule

Train = Callable[[Path, Schedule, Path | None], dict[str, float]]

TRAININGS: Mapping[TowerName, tuple[Train, Schedule]] = MappingProxyType(
    {
        "clip": (clip.train, clip.SCHEDULE),
        "text": (text.train, text.SCHEDULE),
        "vit": (vit.train, vit.SCHEDULE),
    }
)
"""How each tower is trained, and its shipped schedule."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Trains the shipped towers from nothing.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the towers' folders to")
    parser.add_argument("--tower", choices=(*NAMES, "all"), default="all", help="which one")
    parser.add_argument("--steps", type=int, help="steps, if not those of the shipped tower")
    parser.add_argument("--seed", type=int, default=0, help="seed of data and weights")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--cache", type=Path, help="folder that keeps the drawn pictures for the next time")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in NAMES if arguments.tower == "all" else (arguments.tower,):
        shipped = TRAININGS[name][1]
        schedule = replace(shipped, seed=arguments.seed, steps=arguments.steps or shipped.steps)
        train_tower(name, schedule, arguments.out / name, arguments.cache)


def train_tower(name: TowerName, schedule: Schedule, out: Path, cache: Path | None = None) -> None:
    """Trains one tower and writes it to a folder, with `training.json` beside it.

    Args:
        name: which one.
        schedule: how.
        out: the tower's own folder, made if need be.
        cache: a folder that keeps drawn pictures.
    """
    out.mkdir(parents=True, exist_ok=True)
    reached = TRAININGS[name][0](out, schedule, cache)
    (out / "training.json").write_text(json.dumps({**asdict(schedule), "reached": reached}, indent=2) + "\n")


if __name__ == "__main__":
    main()

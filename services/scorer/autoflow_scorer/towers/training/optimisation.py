"""What all three trainings share: the optimisers, the course of the learning rate, progress as JSON lines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Schedule:
    """How long, and how fast, a tower learns."""

    scenes: int
    """Different scenes that are drawn, or written about."""
    steps: int
    batch: int
    """Scenes, or texts, of a step."""
    matrix_rate: float = 3e-3
    """Muon's learning rate (Jordan et al. 2024), for the matrices of the transformer's layers."""
    other_rate: float = 1.5e-3
    """AdamW's learning rate, for all other weights."""
    weight_decay: float = 0.05
    warm_up: int = 60
    """Steps until the learning rate is reached."""
    decay_share: float = 0.6
    """The last part of the training, in which the learning rate falls to zero."""
    seed: int = 0


def optimise(
    modules: Iterable[nn.Module], schedule: Schedule, loss_of: Callable[[int], dict[str, Tensor]], name: str
) -> dict[str, float]:
    """Takes `schedule.steps` steps down the sum of the losses.

    Args:
        modules: what is trained.
        schedule: how.
        loss_of: a step's losses by name, computed under autocast to bf16.
        name: the tower's, for the progress that is printed.

    Returns:
        The running mean of every loss at the end, and `seconds`.
    """
    optimisers = _optimisers(nn.ModuleList(modules), schedule)
    weights = [
        weight
        for optimiser, _ in optimisers
        for group in optimiser.param_groups
        for weight in group["params"]
    ]
    means: dict[str, float] = {}
    started = time.monotonic()
    for step in range(schedule.steps):
        with torch.autocast("cpu", torch.bfloat16):
            losses = loss_of(step)
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        _update(optimisers, _rate(step, schedule))
        means = {key: _mean(means.get(key), loss.item()) for key, loss in losses.items()}
        if step % 50 == 49:
            print(json.dumps({"tower": name, "step": step + 1, **_rounded(means, started)}), flush=True)
    return _rounded(means, started)


def _optimisers(modules: nn.ModuleList, schedule: Schedule) -> list[tuple[torch.optim.Optimizer, float]]:
    matrices = [weight for key, weight in modules.named_parameters() if weight.ndim == 2 and ".layer" in key]
    chosen = {id(weight) for weight in matrices}
    others = [weight for weight in modules.parameters() if id(weight) not in chosen]
    muon = torch.optim.Muon(matrices, lr=schedule.matrix_rate, weight_decay=schedule.weight_decay)
    adam = torch.optim.AdamW(others, lr=schedule.other_rate, betas=(0.9, 0.98), weight_decay=0.0)
    return [(muon, schedule.matrix_rate), (adam, schedule.other_rate)]


def _update(optimisers: list[tuple[torch.optim.Optimizer, float]], rate: float) -> None:
    for optimiser, full in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = full * rate
        optimiser.step()
        optimiser.zero_grad()


def _rate(step: int, schedule: Schedule) -> float:
    """The learning rate as a part of its full value."""
    left = 1 - step / schedule.steps
    return min(1.0, (step + 1) / schedule.warm_up, left / schedule.decay_share)


def _mean(mean: float | None, value: float) -> float:
    return value if mean is None else 0.95 * mean + 0.05 * value


def _rounded(means: dict[str, float], started: float) -> dict[str, float]:
    return {
        **{key: round(mean, 4) for key, mean in means.items()},
        "seconds": round(time.monotonic() - started, 1),
    }

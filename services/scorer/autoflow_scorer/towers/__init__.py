"""The shipped towers: three tiny transformers, so that every metric works, and means something, offline.

`text` (BERT) for BERTScore, `clip` for CLIP Score, `vit` for ViT Score, each a folder in Hugging Face format.
What they are, how they were trained, and how far they can be trusted: card.md. `train` makes them anew.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal, get_args

TowerName = Literal["clip", "text", "vit"]

NAMES: tuple[TowerName, ...] = get_args(TowerName)


def path(name: TowerName) -> Path:
    """The folder of a tower, as transformers reads it: configuration, safetensors, and what it reads with."""
    return Path(str(resources.files(__package__))) / name

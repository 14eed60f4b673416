"""Which split a content may serve, decided by its hash: so no split's data is another's, whatever the seeds.

A content is what words can say of a scene, or the English sentences of a text, before any fault.
"""

from __future__ import annotations

import hashlib
import random

from autoflow.suites.model import Split

_TRAIN_BELOW, _VALIDATION_BELOW = 128, 180
"""Of 256: half of all contents are for learning, a fifth for choosing, the rest for the test."""


def split_of(content: str) -> Split:
    """The one split whose tasks may show a content."""
    share = hashlib.sha256(f"split {content}".encode()).digest()[0]
    return (
        Split.TRAIN if share < _TRAIN_BELOW else Split.VALIDATION if share < _VALIDATION_BELOW else Split.TEST
    )


def dice(*names: object) -> random.Random:
    """Chance of its own for what is named, equal on every machine."""
    return random.Random("/".join(map(str, names)))

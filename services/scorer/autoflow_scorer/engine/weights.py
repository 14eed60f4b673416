"""The files that a model's weights are in: what they are and how much memory they will take."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME
from transformers.utils.hub import cached_file, get_checkpoint_shard_files

from autoflow_scorer.engine.loading import Source


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's weights."""

    digest: str
    """The SHA-256 of the file, in hexadecimal; of several files, that of their digests together."""
    parameters: int
    """How many numbers there are."""

    @classmethod
    def of(cls, source: Source) -> Weights:
        """Reads them once.

        Raises:
            OSError: there are none in safetensors.
        """
        files = _files(source)
        digests = [_digest(file) for file in files]
        if len(digests) > 1:
            digests = [hashlib.sha256("".join(digests).encode()).hexdigest()]
        return cls(digests[0], sum(map(_parameters, files)))


def _files(source: Source) -> list[Path]:
    single = cached_file(str(source), SAFE_WEIGHTS_NAME, _raise_exceptions_for_missing_entries=False)
    if single is not None:
        return [Path(single)]
    index = cached_file(str(source), SAFE_WEIGHTS_INDEX_NAME)
    shards, _ = get_checkpoint_shard_files(str(source), index)
    return [Path(shard) for shard in shards]


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _parameters(file: Path) -> int:
    total = 0
    opened: Any = safe_open(file, framework="pt")
    with opened as tensors:
        for name in tensors.keys():  # noqa: SIM118 - it is no mapping
            size = 1
            for length in tensors.get_slice(name).get_shape():
                size *= length
            total += size
    return total

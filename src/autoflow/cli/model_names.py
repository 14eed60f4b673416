"""Models as people name them: a name of the catalogue, perhaps with an adapter, `embedded@sha256:…`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.v1 import model_pb2

_MODEL = re.compile(r"([A-Za-z0-9][A-Za-z0-9._/-]{0,127})(?:@(sha256:[0-9a-f]{64}))?")
_RULE = "it reads MODEL or MODEL@sha256:DIGEST, a name of the catalogue and an adapter"


def model_ref(name: str) -> model_pb2.ModelRef:
    """The model of that name.

    Raises:
        CommandFailed: no model can be called so.
    """
    found = _MODEL.fullmatch(name)
    if found is None:
        raise CommandFailed(f"{name!r} is no name of a model: {_RULE}", ExitCode.USAGE)
    return model_pb2.ModelRef(model=found[1], adapter=found[2] or "")


def model_refs(option: str, given: Sequence[str]) -> list[model_pb2.ModelRef]:
    """The models of an option that takes several, comma-separated or repeated.

    Raises:
        CommandFailed: none is given, no model can be called so, or one is given twice.
    """
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    if not names:
        raise CommandFailed(f"{option}: no model is given", ExitCode.USAGE)
    for name in names:
        if names.count(name) > 1:
            raise CommandFailed(f"{option} {name}: it is given twice", ExitCode.USAGE)
    return [model_ref(name) for name in names]


def model_word(model: model_pb2.ModelRef) -> str:
    """A model in a table: an adapter by the beginning of its digest."""
    digest = model.adapter.removeprefix("sha256:")
    return f"{model.model}@{digest[:8]}" if digest else model.model

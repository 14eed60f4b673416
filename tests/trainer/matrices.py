"""Matrices that somebody may ask for."""

from __future__ import annotations

from collections.abc import Sequence

from autoflow.v1 import run_pb2


def matrix(
    generators: Sequence[str] = ("m1", "m2"), interpreters: Sequence[str] = ("m1", "m2"), **changes: object
) -> run_pb2.Run:
    """A matrix of models of these names."""
    run = run_pb2.Run()
    run.matrix.suite = "planning"
    run.matrix.method = run_pb2.METHOD_RANDOM
    for name in generators:
        run.matrix.generators.add(model=name)
    for name in interpreters:
        run.matrix.interpreters.add(model=name)
    for name, value in changes.items():
        setattr(run.matrix, name, value)
    return run

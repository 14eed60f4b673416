"""The matrix that the command line asks a trainer for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoflow.convert import method_to_proto, reward_to_proto, split_to_proto
from autoflow.methods import Method, Reward
from autoflow.suites import Split
from autoflow.v1 import model_pb2, run_pb2


@dataclass(frozen=True, slots=True)
class MatrixRequest:
    """Which models to pair, on what. Numbers of 0 are the method's own."""

    suite: str
    generators: Sequence[model_pb2.ModelRef]
    interpreters: Sequence[model_pb2.ModelRef]
    method: Method
    split: Split
    reward: Reward | None = None
    """None means what suits the suite."""
    seed: int = 0
    iterations: int = 0
    candidates: int = 0
    tasks: int = 0
    budget: run_pb2.Budget | None = None


def to_proto(request: MatrixRequest) -> run_pb2.Run:
    """The run to create."""
    return run_pb2.Run(
        budget=request.budget,
        matrix=run_pb2.Matrix(
            suite=request.suite,
            generators=request.generators,
            interpreters=request.interpreters,
            method=method_to_proto(request.method),
            split=split_to_proto(request.split),
            reward=reward_to_proto(request.reward),
            seed=request.seed,
            iterations=request.iterations,
            candidates=request.candidates,
            tasks=request.tasks,
        ),
    )

"""The evaluation that the command line asks a trainer for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoflow.cli.model_names import model_ref
from autoflow.convert import reward_to_proto, split_to_proto
from autoflow.methods import Reward
from autoflow.suites import Split
from autoflow.v1 import run_pb2, workflow_pb2


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """An evaluation."""

    suite: str
    split: Split
    workflows: Mapping[str, str]
    """Texts by name; improvements are over the first."""
    interpreter: str
    """The model that executes: a name of the interpreter's catalogue, perhaps with an adapter."""
    reward: Reward | None = None
    """None means what suits the suite."""
    tasks: int = 0
    """0 means all of the split."""
    samples: int = 0
    """Of a task; 0 means the trainer's own number."""
    seed: int = 0
    temperature: float = 0.0
    repeats: int = 0
    """Executions of a workflow on a task; 0 means one."""
    budget: run_pb2.Budget | None = None


def workflows_to_proto(texts: Mapping[str, str]) -> list[run_pb2.NamedWorkflow]:
    """Workflows as a run names them.

    Args:
        texts: by name.
    """
    return [
        # A field of a message holds no lone surrogates; the linter remarks on what they become.
        run_pb2.NamedWorkflow(
            name=name, workflow=workflow_pb2.Workflow(source=text.encode(errors="replace").decode())
        )
        for name, text in texts.items()
    ]


def to_proto(request: EvaluationRequest) -> run_pb2.Run:
    """The run to create."""
    return run_pb2.Run(
        budget=request.budget,
        evaluation=run_pb2.Evaluation(
            suite=request.suite,
            split=split_to_proto(request.split),
            workflows=workflows_to_proto(request.workflows),
            interpreter=model_ref(request.interpreter),
            reward=reward_to_proto(request.reward),
            tasks=request.tasks,
            samples=request.samples,
            seed=request.seed,
            temperature=request.temperature,
            repeats=request.repeats,
        ),
    )

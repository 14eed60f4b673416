"""The evaluation that the command line asks a trainer for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from autoflow.convert import reward_to_proto, split_to_proto
from autoflow.methods import Reward
from autoflow.suites import Split
from autoflow.v1 import model_pb2, run_pb2, workflow_pb2


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """An evaluation. Limits of 0 are none."""

    suite: str
    split: Split
    workflows: Mapping[str, str]
    """Texts by name; improvements are over the first."""
    interpreter: str
    """The model that executes; a name of the interpreter's catalogue."""
    reward: Reward | None = None
    """None means what suits the suite."""
    tasks: int = 0
    """0 means all of the split."""
    samples: int = 0
    """Of a task; 0 means the trainer's own number."""
    seed: int = 0
    max_executions: int = 0
    max_tokens: int = 0
    max_seconds: float = 0.0


def to_proto(request: EvaluationRequest) -> run_pb2.Run:
    """The run to create."""
    run = run_pb2.Run(
        evaluation=run_pb2.Evaluation(
            suite=request.suite,
            split=split_to_proto(request.split),
            workflows=[
                # A field of a message holds no lone surrogates; the linter remarks on what they become.
                run_pb2.NamedWorkflow(
                    name=name, workflow=workflow_pb2.Workflow(source=text.encode(errors="replace").decode())
                )
                for name, text in request.workflows.items()
            ],
            interpreter=model_pb2.ModelRef(model=request.interpreter),
            reward=reward_to_proto(request.reward),
            tasks=request.tasks,
            samples=request.samples,
            seed=request.seed,
        )
    )
    if request.max_executions or request.max_tokens or request.max_seconds:
        run.budget.max_executions = request.max_executions
        run.budget.max_tokens = request.max_tokens
        if request.max_seconds:
            run.budget.max_wall_time.FromTimedelta(timedelta(seconds=request.max_seconds))
    return run

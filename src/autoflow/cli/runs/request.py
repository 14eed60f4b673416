"""What the command line asks a trainer for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoflow.convert import method_to_proto, reward_to_proto
from autoflow.methods import Method, Reward
from autoflow.v1 import model_pb2, run_pb2, workflow_pb2

CONTROL_SAMPLES = 64
"""At most: the control of a run that drew fewer candidates has as many as the run."""
POLICY_SAMPLES = 48
POLICY_TASKS = 12


@dataclass(frozen=True, slots=True)
class RunRequest:
    """An optimisation, and what is measured at its end."""

    suite: str
    generator: str
    """The model that learns to write; a name of the generator's catalogue."""
    interpreter: str
    """The model that carries workflows out; a name of the interpreter's catalogue."""
    method: Method
    seed: int
    iterations: int = 0
    """0 means the method's own number."""
    candidates: int = 0
    """Of an iteration; 0 means the method's own number."""
    reward: Reward | None = None
    """None means what suits the suite."""
    comparators: Mapping[str, str] = field(default_factory=dict)
    """Texts of workflows by name; the improvement is over the first."""


def to_proto(request: RunRequest) -> run_pb2.Run:
    """The run to create."""
    return run_pb2.Run(
        optimization=run_pb2.Optimization(
            suite=request.suite,
            generator=model_pb2.ModelRef(model=request.generator),
            interpreter=model_pb2.ModelRef(model=request.interpreter),
            method=method_to_proto(request.method),
            seed=request.seed,
            iterations=request.iterations,
            candidates=request.candidates,
            reward=reward_to_proto(request.reward),
            test=run_pb2.TestPlan(
                comparators=[
                    run_pb2.NamedWorkflow(name=name, workflow=workflow_pb2.Workflow(source=text))
                    for name, text in request.comparators.items()
                ],
                control_samples=CONTROL_SAMPLES,
                policy_samples=POLICY_SAMPLES,
                policy_tasks=POLICY_TASKS,
            ),
        )
    )

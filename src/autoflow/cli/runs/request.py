"""What the command line asks a trainer for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoflow.cli.evaluation.request import workflows_to_proto
from autoflow.cli.model_names import model_ref
from autoflow.convert import method_to_proto, reward_to_proto
from autoflow.methods import Method, Reward
from autoflow.v1 import run_pb2

CONTROL_SAMPLES = 64
"""At most: the control of a run that drew fewer candidates has as many as the run."""
POLICY_SAMPLES = 48
POLICY_TASKS = 12


@dataclass(frozen=True, slots=True)
class RunRequest:
    """An optimisation, and what is measured at its end."""

    suite: str
    generator: str
    """The model that writes: a name of the generator's catalogue, perhaps with an adapter after `@`."""
    interpreter: str
    """The model that carries workflows out: the same of the interpreter's catalogue."""
    method: Method
    seed: int
    iterations: int = 0
    """0 means the method's own number."""
    candidates: int = 0
    """Of an iteration; 0 means the method's own number."""
    tasks: int = 0
    """Training tasks of an iteration; 0 means the method's own number."""
    reward: Reward | None = None
    """None means what suits the suite."""
    register_as: str = ""
    """The registered workflow that an accepted winner becomes a version of; empty: none."""
    budget: run_pb2.Budget | None = None
    comparators: Mapping[str, str] = field(default_factory=dict)
    """Texts of workflows by name; the improvement is over the first."""


def to_proto(request: RunRequest) -> run_pb2.Run:
    """The run to create."""
    return run_pb2.Run(
        budget=request.budget,
        optimization=run_pb2.Optimization(
            suite=request.suite,
            generator=model_ref(request.generator),
            interpreter=model_ref(request.interpreter),
            method=method_to_proto(request.method),
            seed=request.seed,
            iterations=request.iterations,
            candidates=request.candidates,
            tasks=request.tasks,
            register_as=request.register_as,
            reward=reward_to_proto(request.reward),
            test=run_pb2.TestPlan(
                comparators=workflows_to_proto(request.comparators),
                control_samples=CONTROL_SAMPLES,
                # Weights that do not change have no before and after.
                policy_samples=POLICY_SAMPLES if request.method.trains else 0,
                policy_tasks=POLICY_TASKS if request.method.trains else 0,
            ),
        ),
    )

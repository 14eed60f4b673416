"""What a run is to do, with every default filled in."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoflow.methods import Method, Reward
from autoflow_worker.ledger import Budget
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.ports import Workflow


@dataclass(frozen=True, slots=True)
class Comparator:
    """A given workflow that the winner is compared with."""

    name: str
    workflow: Workflow


@dataclass(frozen=True, slots=True)
class TestPlan:
    """What is measured on the sealed test split, beside the winner."""

    __test__ = False  # pytest would collect it by its name

    comparators: tuple[Comparator, ...] = ()
    control_samples: int = 0
    """Samples of the untrained generator from which a control is chosen; 0 means no control."""
    policy_samples: int = 0
    """Fresh samples of the policy before and after; 0 means that the policy is not measured."""
    policy_tasks: int = 12


@dataclass(frozen=True, slots=True)
class RunSpec:
    """An optimisation."""

    suite: str
    generator: str
    """The model that writes, by its name in the catalogue."""
    interpreter: str
    interpreter_adapter: str
    """Digest of an adapter of the interpreter's model; empty for none. It does not learn."""
    method: str
    seed: int
    training: TrainingSettings
    reward: Reward = Reward.PLAN
    test: TestPlan = field(default_factory=TestPlan)
    budget: Budget = field(default_factory=Budget)
    generator_adapter: str = ""
    """Digest of an adapter of the generator's model; empty for none, as always where one is trained."""
    register_as: str = ""
    """The id of the registered workflow that an accepted winner becomes a version of; empty for none."""

    @property
    def trains(self) -> bool:
        """Whether the run trains an adapter."""
        return Method(self.method).trains

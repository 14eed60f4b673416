"""What a matrix is to do, with every default filled in."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoflow.methods import Reward
from autoflow.suites import Split
from autoflow_worker.ledger import Budget
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.spec import RunSpec


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model as a run names it."""

    model: str
    """By its name in the catalogue."""
    adapter: str = ""
    """Digest of an adapter of that model; empty for none."""

    def __str__(self) -> str:
        return f"{self.model} with {self.adapter[:19]}…" if self.adapter else self.model


@dataclass(frozen=True, slots=True)
class MatrixSpec:
    """A matrix."""

    suite: str
    generators: tuple[ModelName, ...]
    interpreters: tuple[ModelName, ...]
    method: str
    """One that leaves the weights alone."""
    training: TrainingSettings
    """How much each pairing does, and how it draws."""
    split: Split = Split.TEST
    """On which the winners are compared; they are chosen on validation."""
    reward: Reward = Reward.PLAN
    seed: int = 0
    """The same for all pairings: they are searched on the same tasks, and one model's draws are the same for
    every interpreter as long as it is shown the same."""
    budget: Budget = field(default_factory=Budget)
    """For all pairings together."""

    @property
    def pairings(self) -> tuple[tuple[ModelName, ModelName], ...]:
        """The first generator with each interpreter, then the next."""
        return tuple(
            (generator, interpreter) for generator in self.generators for interpreter in self.interpreters
        )

    def search(self, generator: ModelName, interpreter: ModelName) -> RunSpec:
        """What the search of one pairing is to do."""
        return RunSpec(
            suite=self.suite,
            generator=generator.model,
            generator_adapter=generator.adapter,
            interpreter=interpreter.model,
            interpreter_adapter=interpreter.adapter,
            method=self.method,
            seed=self.seed,
            training=self.training,
            reward=self.reward,
            budget=self.budget,
        )

"""What a model that writes workflows is shown of those before, and asked to change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autoflow.errors import FailedPrecondition
from autoflow_worker.ports import Generation, Generator, Step


class Refused(FailedPrecondition):
    """The generator does not take what the model was to be shown, such as what is longer than its context."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a step did in an execution that scored low."""

    step: Step
    score: float
    """Of the whole execution, in [0, 1]."""
    query: str
    """The task's."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A workflow that was written before, and how it did."""

    text: str
    """May be broken."""
    score: float | None
    """Its mean reward, in [0, 1]; None where it could not be executed."""
    error: str = ""
    """Why it could not; empty where it has a score."""
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What of the newest attempt is to change."""

    step: str = ""
    """This step alone, by its name; empty: which steps there are and how they follow each other."""


class Designer(Generator, Protocol):
    """Draws workflows, and successors of workflows."""

    async def refine(
        self, attempts: Sequence[Attempt], change: Change | None, count: int, *, seed: int, adapter: str
    ) -> Generation:
        """Draws successors.

        Args:
            attempts: what was written before, the newest last; at least one. The oldest are left out where
                they do not fit the model's context.
            change: what of the newest is to change; None leaves that to the model.
            count: how many, 1 to 256.
            seed: candidate i is drawn with `seed + i`.
            adapter: digest of the model's adapter; empty means its own weights.

        Raises:
            CallFailed: the service could not serve.
            Refused: not even the newest attempt fits the model's context, or it cannot be changed so.
        """

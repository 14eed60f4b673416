"""What an instruction may mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fact(StrEnum):
    """What a step can establish about a task. The order is the order of an answer."""

    INPUT = "input"
    FAULTS = "faults"
    OUTPUT = "output"
    LANGUAGE = "language"


class Part(StrEnum):
    """A part of a plan."""

    REPAIRS = "repairs"
    MAKER = "maker"
    TRANSLATION = "translation"


class Aspect(StrEnum):
    """What a check looks at."""

    ORDER = "order"
    REPAIRS = "repairs"
    MAKER = "maker"
    TRANSLATION = "translation"


@dataclass(frozen=True, slots=True)
class Identify:
    """Establish facts."""

    facts: frozenset[Fact]


@dataclass(frozen=True, slots=True)
class Select:
    """Choose models for all that is established, in working order if `ordered`, else in the catalogue's."""

    ordered: bool


@dataclass(frozen=True, slots=True)
class Add:
    """Append one part to the plan."""

    part: Part


@dataclass(frozen=True, slots=True)
class Arrange:
    """Put the plan in working order."""


@dataclass(frozen=True, slots=True)
class Muse:
    """Words that ask for nothing in particular."""


@dataclass(frozen=True, slots=True)
class Check:
    """Look at one aspect of the plan; a decision."""

    aspect: Aspect


@dataclass(frozen=True, slots=True)
class Output:
    """End with the plan."""


@dataclass(frozen=True, slots=True)
class Babble:
    """End with something else."""


Intent = Identify | Select | Add | Arrange | Muse | Check | Output | Babble

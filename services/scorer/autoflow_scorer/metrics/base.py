"""What a metric is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from autoflow.plans import PlanReference
from autoflow.suites import Content, ContentType
from autoflow_scorer.batching import Caller


class ReferenceType(Enum):
    """What an output can be compared with."""

    PLAN = "plan"
    TEXT = "text"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Pair:
    """An output and what it is compared with."""

    output: Content
    reference: Content | PlanReference


@dataclass(frozen=True, slots=True)
class Comparison:
    """A kind of pair."""

    output: ContentType
    reference: ReferenceType

    @classmethod
    def of(cls, pair: Pair) -> Comparison:
        """The kind of a pair."""
        output = ContentType.TEXT if isinstance(pair.output, str) else ContentType.IMAGE
        match pair.reference:
            case str():
                return cls(output, ReferenceType.TEXT)
            case bytes():
                return cls(output, ReferenceType.IMAGE)
            case _:
                return cls(output, ReferenceType.PLAN)

    def __str__(self) -> str:
        return f"{self.output.value} with {self.reference.value}"


@dataclass(frozen=True, slots=True)
class Options:
    """What a request may choose."""

    idf: bool = False
    """BERTScore weighs tokens by their inverse document frequency over the references of the request."""
    rescale_with_baseline: bool = False
    """BERTScore is rescaled so that unrelated texts have 0."""


@dataclass(frozen=True, slots=True)
class MetricDescription:
    """What a metric measures."""

    name: str
    summary: str
    """What it measures, in a sentence."""
    comparisons: tuple[Comparison, ...]
    """The pairs that it compares."""
    minimum: float = 0.0
    maximum: float = 1.0
    components: tuple[str, ...] = ()
    model: str = ""
    """The model that it uses, as a person knows it; empty where it uses none."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a metric stands here."""

    unavailable: str = ""
    """Why it cannot be asked for, and what would change that; empty where it can."""
    model_digest: str = ""
    """The SHA-256 of its model's weights; empty until they were first loaded."""


@dataclass(frozen=True, slots=True)
class Column:
    """A metric's scores."""

    values: Sequence[float]
    """One for each pair."""
    components: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """What the values are made of; in the order of the description."""


class Metric(Protocol):
    """Scores pairs."""

    @property
    def description(self) -> MetricDescription:
        """What it measures."""

    def status(self) -> Status:
        """How it stands here, at once."""

    async def score(self, pairs: Sequence[Pair], options: Options, caller: Caller) -> Column:
        """Scores pairs of the kinds that the description names.

        Args:
            pairs: one or more.
            options: what the request chose.
            caller: who asks; callers share what is scarce.

        Raises:
            InvalidArgument: a content cannot be read; the field begins with `pairs[`.
            FailedPrecondition: it is not available here.
            ResourceExhausted: too much waits.
        """

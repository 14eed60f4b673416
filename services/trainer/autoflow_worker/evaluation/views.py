"""What the page of an evaluation shows of a task, ready for the template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from autoflow.metric_labels import LABELS
from autoflow.suites import Content, Task
from autoflow.suites.judging import Verdict
from autoflow_worker.evaluation.pictures import data_uri
from autoflow_worker.evaluation.shelf import MeasuredTask
from autoflow_worker.evaluation.witness import OUTPUT_CHARS, cut
from autoflow_worker.metrics import CONSTRAINTS
from autoflow_worker.ports import Outcome, Score

_OPEN_TASKS = 6
"""The first so many tasks are unfolded."""
_LOST = 0.02
"""A workflow's reward that is so much below the reference's is worse."""
FILTERS = MappingProxyType(
    {
        "worse": "worse than the reference",
        "failed": "a constraint fails",
        "undelivered": "answers that cannot be read",
        "invalid": "invalid plans",
        "missing": "missing",
        **LABELS,
    }
)
"""What tasks can be picked by, in words."""


@dataclass(frozen=True, slots=True)
class Media:
    """A piece of content as the page shows it."""

    text: str = ""
    picture: str = ""
    """A `data:` URI; empty for a text."""
    broken: bool = False
    """Whether it is something that no picture can be read from."""


@dataclass(frozen=True, slots=True)
class Output:
    """What one or more workflows made of a sample."""

    names: str
    media: Media | None
    """None where a tool could not do it."""
    failure: str
    value: float


@dataclass(frozen=True, slots=True)
class SampleView:
    """A sample with all that was made of it."""

    inputs: list[Media]
    reference: Media
    caption: str
    outputs: list[Output]


@dataclass(frozen=True, slots=True)
class Line:
    """What a workflow did on a task."""

    name: str
    score: Score | None

    @property
    def reward(self) -> float | None:
        """None where it is missing."""
        return self.score.reward if self.score else None

    @property
    def plan_f1(self) -> float | None:
        """None where it is missing."""
        return self.score.plan_f1 if self.score else None

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """Of an answer that a judge has read, what does not hold."""
        evidence = self.score.evidence if self.score and self.score.plan_valid else None
        return tuple(verdict for verdict in evidence.verdicts if not verdict.holds) if evidence else ()

    @property
    def detail(self) -> str:
        """Why there is no plan; empty where there is one, or nothing to say."""
        if self.score is None or self.score.plan_valid:
            return ""
        evidence = self.score.evidence
        return (evidence.detail or "not a valid plan") if evidence else "the workflow ended without an answer"


@dataclass(frozen=True)
class TaskView:
    """A task as the page shows it."""

    task: Task
    metric: str
    lines: list[Line]
    samples: list[SampleView]
    number: int
    """Its place on the page, from 0."""

    @property
    def query(self) -> tuple[str, str]:
        """What is asked, and what else the query says, in further paragraphs."""
        asked, _, rest = self.task.query.partition("\n\n")
        return asked, rest

    @property
    def judged(self) -> bool:
        """Whether a judge rewards."""
        return self.metric == CONSTRAINTS

    @property
    def unfolded(self) -> bool:
        """Whether it is open from the start."""
        return self.number < _OPEN_TASKS

    @cached_property
    def kinds(self) -> list[str]:
        """The filters that show it."""
        *given, reference = [line.score for line in self.lines]
        found = [self.metric] if self.metric in LABELS and not self.judged else []
        if reference and any(score and score.reward < reference.reward - _LOST for score in given):
            found.append("worse")
        if self.judged and any(score and not score.passed for score in given):
            found.append("failed")
        if any(score and not score.plan_valid for score in given):
            found.append("undelivered" if self.judged else "invalid")
        if None in [*given, reference]:
            found.append("missing")
        return found


def outputs(names: Sequence[str], place: int, measured: MeasuredTask) -> Iterator[Output]:
    """What was made of one sample, equal outputs together."""
    makers: dict[object, tuple[Outcome, list[str]]] = {}
    for name, score in zip(names, measured.scores, strict=True):
        outcomes = score.evidence.outcomes if score and score.evidence else ()
        if place < len(outcomes):
            made = outcomes[place]
            # A metric's value depends on its batch by some 1e-7.
            key = made.output, made.failure, f"{made.value:.3f}"
            makers.setdefault(key, (made, []))[1].append(name)
    for made, those in makers.values():
        shown = None if made.output is None else media(made.output)
        yield Output(", ".join(those), shown, made.failure, made.value)


def media(content: Content) -> Media:
    """A piece of content as the page shows it."""
    if isinstance(content, str):
        return Media(text=cut(content, OUTPUT_CHARS))
    picture = data_uri(content)
    return Media(broken=True) if picture is None else Media(picture=picture)

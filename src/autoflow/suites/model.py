"""Tasks, suites and their digests.

A suite is immutable and named by its content: two suites of equal digest hold equal tasks in equal splits.
Samples are made or read when they are asked for; a task holds the name of their content, and never media.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from autoflow.errors import FailedPrecondition

if TYPE_CHECKING:
    from autoflow.suites.judging import Judge

SAMPLES = 8
"""How many samples of a task are taken, if no other number is asked for."""

Content: TypeAlias = str | bytes
"""A text, or a picture as the bytes of its file."""


class ContentType(StrEnum):
    """The kind of a piece of content."""

    IMAGE = "image"
    TEXT = "text"

    @classmethod
    def of(cls, content: Content) -> ContentType:
        """The kind of a content."""
        return cls.TEXT if isinstance(content, str) else cls.IMAGE


class Split(StrEnum):
    """What a task is for."""

    TRAIN = "train"
    """Learning; a method may look at it as often as it likes."""
    VALIDATION = "validation"
    """Choosing among what was learned."""
    TEST = "test"
    """Sealed: opened once, when everything is chosen, and every opening is recorded."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a plan may name, or one that a step may call with arguments."""

    name: str
    description: str
    inputs: tuple[ContentType, ...]
    output: ContentType
    arguments_schema: str = ""
    """The JSON Schema of its arguments; a tool that has one takes one text, a JSON object by this schema, and
    no plan names it. Empty: it takes its inputs as they are."""
    idempotent: bool = False
    """Whether a call may be repeated without harm; else one whose answer was lost is not."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a task is tried on once: an input, and what is wanted for it."""

    inputs: tuple[Content, ...]
    """Of the types of the task's inputs, in their order."""
    reference: Content
    """What is wanted. Where a picture is wanted, but only words tell what it shows, those words."""
    caption: str = ""
    """What a wanted new picture shows, in English, for metrics that compare it with words; may be empty."""


@dataclass(frozen=True)
class Task:
    """One question, what it gives, what it wants, and every plan that is right."""

    id: str
    """Unique in its suite, such as `image.blur.noise.caption.de/1`."""
    stratum: str
    """The group that stratified draws keep in proportion, such as `caption`."""
    query: str
    inputs: tuple[ContentType, ...]
    output: ContentType
    accepted: tuple[tuple[str, ...], ...]
    """The accepted plans, all of them: names of tools in order. The first is the reference. Empty where
    answers are judged."""
    data: str = ""
    """Names the content of the task's samples, or whatever else answers are judged by: other content, another
    name. Empty where there is none."""
    answer: str = ""
    """Where answers are judged, one of which all constraints hold."""

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of everything that decides the task's reward."""
        return digest_of([*self._asked, self.data])

    @property
    def reference(self) -> str:
        """A right answer, in words: the reference plan, or the answer that is judged to be right."""
        return ", ".join(self.accepted[0]) if self.accepted else self.answer

    @property
    def _asked(self) -> tuple[object, ...]:
        return self.query, self.inputs, self.output, self.accepted


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one execution on a task may take; 0 leaves it to whoever executes."""

    steps: int = 0
    """Executed steps."""
    tokens: int = 0
    """Read and written by all calls."""
    answer_tokens: int = 0
    """Of one step's answer."""


SampleSource: TypeAlias = Callable[[Task, int], tuple[Sample, ...]]
"""Gives the first samples of a task, at most so many, always the same."""


@dataclass(frozen=True)
class TaskSuite:
    """Tasks that one workflow is to solve, in three splits.

    Raises:
        ValueError: two tasks share an id, two splits share a task's content, or a task has no accepted plan
            and nobody judges.
    """

    title: str
    """What people call it."""
    goal: str
    """What the tasks have in common, in words: what the generator is told."""
    tools: tuple[Tool, ...]
    splits: Mapping[Split, tuple[Task, ...]]
    source: Callable[[], SampleSource] | None = field(default=None, compare=False, repr=False)
    """Called when samples are first asked for; None where the suite has no data."""
    judge: Judge | None = field(default=None, compare=False, repr=False)
    """Tells what answers are worth, where they are no plans of `tools`; None where they are."""
    allowance: Allowance = field(default=Allowance(), compare=False)

    def __post_init__(self) -> None:
        """Refuses a suite whose splits overlap, or of which nobody could tell what is right."""
        owner: dict[tuple[object, ...], tuple[Split, str]] = {}
        ids: set[str] = set()
        for split, tasks in self.splits.items():
            for task in tasks:
                if task.id in ids:
                    raise ValueError(f"suite {self.title!r}: two tasks have the id {task.id!r}")
                ids.add(task.id)
                if not task.accepted and self.judge is None:
                    raise ValueError(f"suite {self.title!r}: {task.id!r} has no accepted plan")
                other, other_id = owner.setdefault(task._asked, (split, task.id))
                if other is not split:
                    clash = f"{task.id!r} ({split}) has the content of {other_id!r} ({other})"
                    raise ValueError(f"suite {self.title!r}: {clash}")

    @property
    def plan_tools(self) -> tuple[Tool, ...]:
        """Those that a plan may name."""
        return tuple(tool for tool in self.tools if not tool.arguments_schema)

    @property
    def step_tools(self) -> tuple[Tool, ...]:
        """Those that the steps of a workflow may call, with arguments."""
        return tuple(tool for tool in self.tools if tool.arguments_schema)

    def tasks(self, split: Split) -> tuple[Task, ...]:
        """The tasks of a split, in the suite's order."""
        return self.splits[split]

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of the goal, the tools and every task in its split."""
        tools = [_fields(tool) for tool in self.tools]
        tasks = [(split, [(task.id, task.digest) for task in self.splits[split]]) for split in Split]
        return digest_of([self.goal, tools, tasks])

    def samples(self, task: Task, count: int = SAMPLES) -> tuple[Sample, ...]:
        """The first samples of a task, always the same; fewer where it has fewer.

        Raises:
            FailedPrecondition: the suite has no data.
            NotFound: the task is none of the suite's.
            DataLoss: a file has changed since the suite was loaded.
            OSError: a file cannot be read now.
        """
        return self._samples(task, count)

    @cached_property
    def _samples(self) -> SampleSource:
        if self.source is None:
            raise FailedPrecondition(f"the suite {self.title!r} has no data")
        return self.source()

    def stratified(self, split: Split, count: int, seed: int) -> tuple[Task, ...]:
        """Draws tasks without replacement, from every stratum in proportion to its size, up to rounding.

        Args:
            split: where to draw.
            count: how many; all where the split has fewer.
            seed: equal seeds draw equal tasks.
        """
        return stratified(self.tasks(split), count, seed)


def stratified(tasks: Sequence[Task], count: int, seed: int) -> tuple[Task, ...]:
    """Systematic sampling over shuffled strata: every stratum gets its share, up to rounding."""
    if count >= len(tasks):
        return tuple(tasks)
    rng = random.Random(seed)
    strata: defaultdict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        strata[task.stratum].append(task)
    groups = list(strata.values())
    rng.shuffle(groups)
    for group in groups:
        rng.shuffle(group)
    line = [task for group in groups for task in group]
    stride = len(line) / count
    start = rng.random() * stride
    return tuple(line[int(start + index * stride)] for index in range(count))


def _fields(tool: Tool) -> tuple[object, ...]:
    """Those that a digest holds; of a tool that a plan may name, the same as before there were any others."""
    plain = tool.name, tool.description, tool.inputs, tool.output
    called = tool.arguments_schema, tool.idempotent
    return (*plain, *called) if any(called) else plain


def digest_of(content: object) -> str:
    """`sha256:<hex>` of something that JSON can say."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

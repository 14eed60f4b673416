"""Makes a suite of what was read, once no two splits share a content.

What a sample is about is its picture or, where it has none, its longest text; and the picture that is wanted.
Two splits that share one of these are refused. Questions, labels and answers may recur: they are short, and
true of many things. Left out: pictures that look alike but are other files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoflow.errors import InvalidArgument, NotFound
from autoflow.suites.loading.files import Folder, Picture, Piece, refusal
from autoflow.suites.model import ContentType, Sample, Split, Task, TaskSuite, Tool


@dataclass(frozen=True, slots=True)
class FoundSample:
    """A sample in its files."""

    inputs: tuple[Piece, ...]
    reference: Piece
    caption: str = ""

    def subjects(self) -> Iterator[str]:
        """Names of what it is about, equal where the content is equal."""
        pictures = [piece.digest for piece in self.inputs if isinstance(piece, Picture)]
        yield from pictures
        if isinstance(self.reference, Picture):
            yield self.reference.digest
        if not pictures:
            longest = max((piece for piece in self.inputs if isinstance(piece, str)), key=len)
            yield hashlib.sha256(longest.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class FoundTask:
    """A task with its samples."""

    place: str
    """Where it was found, for errors."""
    split: Split
    id: str
    stratum: str
    query: str
    output: ContentType
    accepted: tuple[tuple[str, ...], ...]
    samples: tuple[FoundSample, ...]

    def task(self) -> Task:
        """The task without its samples, but with their name."""
        inputs = tuple(type_of(piece) for piece in self.samples[0].inputs)
        data = f"sha256:{_digest(self.samples)}"
        return Task(self.id, self.stratum, self.query, inputs, self.output, self.accepted, data)


def type_of(piece: Piece) -> ContentType:
    """The type of what a piece holds."""
    return ContentType.IMAGE if isinstance(piece, Picture) else ContentType.TEXT


def assembled(
    title: str, goal: str, tools: Sequence[Tool], found: Sequence[FoundTask], folder: Folder
) -> TaskSuite:
    """The suite of some tasks, in their order.

    Raises:
        InvalidArgument: two tasks share an id, or two splits share a task or a sample's content.
    """
    refuse_shared((one.split, one.place, one.samples) for one in found)
    splits = {split: tuple(one.task() for one in found if one.split is split) for split in Split}
    samples = {one.id: one.samples for one in found}
    try:
        return TaskSuite(title, goal, tuple(tools), splits, lambda: FileSamples(folder, samples))
    except ValueError as error:
        raise InvalidArgument("tasks", str(error)) from None


def refuse_shared(found: Iterable[tuple[Split, str, Iterable[FoundSample]]]) -> None:
    """Refuses that two splits are about the same.

    Raises:
        InvalidArgument: two are; the message names both places.
    """
    owners: dict[str, tuple[Split, str]] = {}
    for split, place, samples in found:
        for number, sample in enumerate(samples):
            here = f"{place}, sample {number}"
            for subject in sample.subjects():
                other, there = owners.setdefault(subject, (split, here))
                if other is not split:
                    what = f"its content ({split}) is also that of {there} ({other})"
                    raise refusal(here, what, fix="let no two splits share a content")


class FileSamples:
    """Reads samples from a suite's folder whenever they are asked for."""

    def __init__(self, folder: Folder, samples: Mapping[str, tuple[FoundSample, ...]]) -> None:
        self._folder = folder
        self._samples = samples

    def __call__(self, task: Task, count: int) -> tuple[Sample, ...]:
        """The first samples of a task.

        Raises:
            NotFound: the task is none of the suite's.
            DataLoss: a file is not what it was when the suite was loaded.
            OSError: a file cannot be read now.
        """
        if task.id not in self._samples:
            raise NotFound(f"the suite has no task {task.id!r}")
        content = self._folder.content
        return tuple(
            Sample(tuple(map(content, one.inputs)), content(one.reference), one.caption)
            for one in self._samples[task.id][:count]
        )


def _digest(samples: Sequence[FoundSample]) -> str:
    pieces = [
        [[_named(piece) for piece in sample.inputs], _named(sample.reference), sample.caption]
        for sample in samples
    ]
    return hashlib.sha256(json.dumps(pieces).encode()).hexdigest()


def _named(piece: Piece) -> tuple[str, str]:
    return ("image", piece.digest) if isinstance(piece, Picture) else ("text", piece)

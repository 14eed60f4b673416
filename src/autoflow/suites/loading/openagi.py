"""OpenAGI's published folder: `task_description.txt`, and for its line n, from 0, `n/inputs` and `n/outputs`.

Source: Ge et al., arXiv 2304.04370, and the program that made the data (agiresearch/OpenAGI,
benchmark_tasks/data/data_augmentation.py). A folder `images` holds `0.jpg`, `1.jpg` and so on, a file such as
`text.txt` one text to a line; line and picture of one number belong together. What is in the files decides
the types, not a task's number: pictures come before texts, and texts in the order of their files' names
(`context.txt`, `questions.txt`). Where a picture is wanted and `outputs` is empty, as it is for generated
pictures, the given text is the reference.

The tasks share their pictures and texts: number n is the same in all tasks that were made of one collection.
So a split is a share of the tasks *and* of the numbers, and numbers that share a content stay together.

Not tried on the published data, of which only the descriptions and the program were at hand. A summary that
holds line breaks, for one, takes several lines, and such a task cannot be used.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from autoflow.errors import InvalidArgument
from autoflow.plans import chains
from autoflow.suites.loading.assembly import FoundSample, FoundTask, assembled, type_of
from autoflow.suites.loading.descriptions import accepted_plans, understood
from autoflow.suites.loading.files import Folder, Limits, Piece, refusal
from autoflow.suites.model import ContentType, Split, TaskSuite
from autoflow.suites.planning import GOAL, TOOLS, Wanted

_DESCRIPTIONS = "task_description.txt"
_IGNORED = frozenset({"__MACOSX"})
_MAX_INPUTS = 4


@dataclass(frozen=True, slots=True)
class Shares:
    """How much each split gets, of the tasks and of the samples; the test split gets the rest."""

    train: float = 0.55
    validation: float = 0.15

    def split_at(self, position: float) -> Split:
        """The split of a place in [0, 1)."""
        if position < self.train:
            return Split.TRAIN
        return Split.VALIDATION if position < self.train + self.validation else Split.TEST

    def ends(self, count: int) -> tuple[int, int]:
        """Where, of so many things, those of training end and those of validation; no wanted split is empty.

        Raises:
            InvalidArgument: there are fewer things than wanted splits.
        """
        test = self.train + self.validation < 1
        if count < (wanted := (self.train > 0) + (self.validation > 0) + test):
            what = (
                f"for {wanted} splits are needed at least as many samples of different content, not {count}"
            )
            raise InvalidArgument("shares", what)
        second = min(round((self.train + self.validation) * count), count - test)
        second = max(second, (self.train > 0) + (self.validation > 0))
        first = min(round(self.train * count), second - (self.validation > 0))
        return max(first, int(self.train > 0)), second


def load_openagi(
    root: Path,
    shares: Shares | None = None,
    limits: Limits | None = None,
    left_out: Callable[[str], None] | None = None,
) -> TaskSuite:
    """Loads OpenAGI's folder.

    Args:
        root: where `task_description.txt` is.
        shares: of the splits; `Shares(0, 0)` makes all of it test.
        limits: how much is read.
        left_out: told about every task that cannot be used, which is then left out. Without it such a task is
            an error.

    Raises:
        InvalidArgument: something is missing, wrong or too large, or there is too little for the splits. The
            message names the file.
    """
    folder = Folder(root, limits or Limits())
    found: list[FoundTask] = []
    for number, description in enumerate(_described(folder)):
        with _telling(left_out):
            found.append(_task(folder, number, description))
    if not found:
        raise refusal(_DESCRIPTIONS, "none of its tasks can be used")
    divided = _divided(found, shares or Shares(), left_out)
    return assembled("openagi", GOAL, TOOLS, divided, folder)


@contextmanager
def _telling(left_out: Callable[[str], None] | None) -> Iterator[None]:
    """Tells of an error where somebody listens, and raises it where nobody does."""
    try:
        yield
    except InvalidArgument as error:
        if left_out is None:
            raise
        left_out(error.message)


def _described(folder: Folder) -> list[str]:
    """The descriptions, each of a task whose folder is there."""
    lines = folder.lines(_DESCRIPTIONS)
    if not 1 <= len(lines) <= folder.limits.tasks:
        raise refusal(_DESCRIPTIONS, f"it must have 1 to {folder.limits.tasks} lines, not {len(lines)}")
    there = {name for name in folder.names() if name.isascii() and name.isdecimal()}
    expected = [str(number) for number in range(len(lines))]
    for name in expected:
        if name not in there:
            raise refusal(name, f"this folder is missing, but {_DESCRIPTIONS} has {len(lines)} lines")
    if more := there - set(expected):
        raise refusal(min(more), f"{_DESCRIPTIONS} has only {len(lines)} lines, so none is for this folder")
    return lines


def _task(folder: Folder, number: int, description: str) -> FoundTask:
    try:
        combination = understood(description)
    except ValueError as error:
        raise refusal(f"{_DESCRIPTIONS}, line {number + 1}", str(error)) from None
    inputs = _columns(folder, f"{number}/inputs")
    drawn = combination.wanted is Wanted.NEW_IMAGE
    # Archives may drop a folder that is empty.
    there = not drawn or folder.is_folder(f"{number}/outputs")
    outputs = _columns(folder, f"{number}/outputs") if there else []
    if not outputs and drawn:
        # No picture was published: what is wanted is a picture of this very text.
        outputs, output = inputs[:1], ContentType.IMAGE
    elif len(outputs) == 1:
        output = type_of(outputs[0][1][0])
    else:
        raise refusal(f"{number}/outputs", f"it must hold one kind of output, not {len(outputs)}")
    if not 1 <= len(inputs) <= _MAX_INPUTS:
        raise refusal(
            f"{number}/inputs", f"it must hold 1 to {_MAX_INPUTS} kinds of input, not {len(inputs)}"
        )
    _same_length([*inputs, *outputs], folder.limits.samples)
    rows = zip(zip(*(column for _, column in inputs), strict=True), outputs[0][1], strict=True)
    samples = tuple(FoundSample(given, wanted) for given, wanted in rows)
    types = tuple(map(type_of, samples[0].inputs))
    accepted = accepted_plans(combination)
    if not chains(accepted[0], {tool.name: tool for tool in TOOLS}, types, output):
        raise refusal(str(number), f"its files hold {' and '.join(types)} for {output}: not {description!r}")
    return FoundTask(
        str(number),
        Split.TEST,
        f"openagi/{number}",
        combination.wanted,
        description,
        output,
        accepted,
        samples,
    )


Column = tuple[str, Sequence[Piece]]
"""A file or folder and what it holds, in the order of the samples."""


def _columns(folder: Folder, path: str) -> list[Column]:
    """What a folder of inputs or outputs holds: pictures first, then texts."""
    pictures: list[Column] = []
    texts: list[Column] = []
    for name in folder.names(path):
        inner = f"{path}/{name}"
        if name in _IGNORED:
            continue
        if folder.is_folder(inner):
            pictures.append((inner, _pictures(folder, inner)))
        elif name.lower().endswith(".txt"):
            texts.append((inner, _texts(folder, inner)))
        else:
            raise refusal(inner, "it is neither a folder of pictures nor a .txt file with texts")
    return [*pictures, *texts]


def _pictures(folder: Folder, path: str) -> Sequence[Piece]:
    names = [name for name in folder.names(path) if name not in _IGNORED]
    stems = [name.rpartition(".")[0] for name in names]
    for expected, (name, stem) in enumerate(zip(names, stems, strict=True)):
        if stem != str(expected):
            raise refusal(f"{path}/{name}", f"pictures are numbered from 0 on, and here {expected} must be")
    if not names:
        raise refusal(path, "it holds no pictures")
    return [folder.picture(f"{path}/{name}") for name in names]


def _texts(folder: Folder, path: str) -> Sequence[Piece]:
    lines = folder.lines(path)
    longest = max(map(len, lines), default=0)
    if longest > folder.limits.text_characters:
        allowed = folder.limits.text_characters
        raise refusal(path, f"a line has {longest} characters, but at most {allowed} are allowed")
    if not lines:
        raise refusal(path, "it holds no texts")
    return lines


def _same_length(columns: Sequence[Column], most: int) -> None:
    (first, pieces), *others = columns
    for path, more in others:
        if len(more) != len(pieces):
            raise refusal(path, f"it holds {len(more)} samples, but {first} holds {len(pieces)}")
    if len(pieces) > most:
        raise refusal(first, f"it holds {len(pieces)} samples, but at most {most} are allowed")


def _divided(
    found: Sequence[FoundTask], shares: Shares, left_out: Callable[[str], None] | None
) -> list[FoundTask]:
    """Gives each split its share of the tasks, and each task the samples of its split's numbers."""
    numbers = _split_of_numbers(found, shares)
    groups: defaultdict[tuple[object, ...], list[FoundTask]] = defaultdict(list)
    for task in found:
        groups[task.stratum, task.output].append(task)
    splits: dict[str, Split] = {}
    for group in groups.values():
        group.sort(key=lambda task: hashlib.sha256(task.query.encode()).hexdigest())
        splits |= {task.id: shares.split_at((place + 0.5) / len(group)) for place, task in enumerate(group)}
    divided = []
    for task in found:
        with _telling(left_out):
            divided.append(_part(task, splits[task.id], numbers))
    return divided


def _part(task: FoundTask, split: Split, numbers: Sequence[Split]) -> FoundTask:
    samples = tuple(sample for number, sample in enumerate(task.samples) if numbers[number] is split)
    if not samples:
        raise refusal(task.place, f"none of its {len(task.samples)} samples is left for {split}")
    return replace(task, split=split, samples=samples)


def _split_of_numbers(found: Sequence[FoundTask], shares: Shares) -> list[Split]:
    """The split of each sample number; numbers that share a content in any task have the same."""
    lowest = _lowest_alike(found)
    groups = sorted(set(lowest))
    ends = shares.ends(len(groups))
    place = {number: position for position, number in enumerate(groups)}
    return [
        Split.TRAIN
        if place[number] < ends[0]
        else Split.VALIDATION
        if place[number] < ends[1]
        else Split.TEST
        for number in lowest
    ]


def _lowest_alike(found: Sequence[FoundTask]) -> list[int]:
    """For each sample number the lowest that it shares a content with, directly or through others."""
    lowest = list(range(max(len(task.samples) for task in found)))
    seen: dict[str, int] = {}

    def root(number: int) -> int:
        while lowest[number] != number:
            number = lowest[number]
        return number

    for task in found:
        for number, sample in enumerate(task.samples):
            for subject in sample.subjects():
                one, other = root(seen.setdefault(subject, number)), root(number)
                lowest[max(one, other)] = min(one, other)
    return [root(number) for number in lowest]

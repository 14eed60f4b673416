"""Takes in a suite part by part, as a folder that the loader of suites then judges.

Each upload has a thread of its own, so nothing that touches the disk blocks the event loop, and the folder is
removed after the last write, however the upload ends. What is wrong is told by the place of the part, such as
`task[3].samples[1].inputs[0]`, both counted from 0.

It does not protect against whoever can write to the folder of the trainer.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeAlias, TypeVar

from autoflow.errors import DeadlineExceeded, InvalidArgument, ResourceExhausted, Unavailable
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import Sample
from autoflow.suites.loading import Limits, load_own
from autoflow.suites.loading.files import is_picture
from autoflow.suites.saving import MOST_SAMPLES, SuiteHead, SuiteWriter, TaskHead
from autoflow_trainer.suites import Suite

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class End:
    """All parts were sent; without it a stream that was cut off would look like a smaller suite."""


Part: TypeAlias = SuiteHead | TaskHead | Sample | End

_ORDER = "send the suite, then each task followed by its samples, then the end"
_PLACE = re.compile(r"tasks\.jsonl, line (\d+)(?:, sample (\d+))?")


class SuiteTooLarge(ResourceExhausted):
    """The suite is larger than the bounds; the same suite would be refused again.

    Args:
        most: how many are allowed.
        what: such as `tasks`.
    """

    def __init__(self, most: int, what: str) -> None:
        super().__init__(f"a suite has at most {most:,} {what} here", retry_after=None)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an upload may be."""

    tasks: int
    samples: int
    """Of all tasks."""
    bytes: int
    """Of texts and pictures."""
    pause: float
    """Seconds that may pass between two parts."""
    duration: float
    """Seconds in which all parts must have come."""


@dataclass(slots=True)
class Place:
    """Where in the stream of parts one is."""

    begun: bool = False
    """Whether the suite itself has come."""
    tasks: int = 0
    """That have come."""
    samples: int = 0
    """Of the last task."""
    all_samples: int = 0
    ended: bool = False

    @property
    def task(self) -> str:
        """The last task, such as `task[3]`."""
        return f"task[{self.tasks - 1}]"

    @property
    def sample(self) -> str:
        """The last sample."""
        return f"{self.task}.samples[{self.samples - 1}]"

    def move(self, part: Part) -> None:
        """Goes on to the next part.

        Raises:
            InvalidArgument: it is not its turn.
        """
        if self.ended:
            raise InvalidArgument("end", "a part comes after the end", _ORDER)
        match part:
            case SuiteHead():
                if self.begun:
                    raise InvalidArgument("suite", "the suite has come before", _ORDER)
                self.begun = True
            case TaskHead():
                if not self.begun:
                    raise InvalidArgument("task[0]", "a task comes before the suite", _ORDER)
                self._end_task()
                self.tasks, self.samples = self.tasks + 1, 0
            case Sample():
                if not self.tasks:
                    raise InvalidArgument("sample", "a sample comes before any task", _ORDER)
                self.samples, self.all_samples = self.samples + 1, self.all_samples + 1
                if self.samples > MOST_SAMPLES:
                    what = f"a task has 1 to {MOST_SAMPLES} samples"
                    raise InvalidArgument(self.sample, what, "leave some out")
            case End():
                self._refuse_incomplete()
                self.ended = True

    def end(self) -> None:
        """Is told that no part is left.

        Raises:
            InvalidArgument: something is missing.
        """
        self._refuse_incomplete()
        if not self.ended:
            raise InvalidArgument("end", "the parts stopped before the end", _ORDER)

    def _refuse_incomplete(self) -> None:
        if not self.begun:
            raise InvalidArgument("suite", "the suite is missing", _ORDER)
        if not self.tasks:
            raise InvalidArgument("task", "the suite has no tasks", _ORDER)
        self._end_task()

    def _end_task(self) -> None:
        if self.tasks and not self.samples:
            raise InvalidArgument(self.task, "the task has no samples", "send its samples right after it")


class Upload:
    """A folder that a suite is taken into.

    Args:
        root: the folder.
        bounds: how much is taken.
        thread: does what blocks.
    """

    def __init__(self, root: Path, bounds: Bounds, thread: ThreadPoolExecutor) -> None:
        self._root = root
        self._bounds = bounds
        self._thread = thread
        self._place = Place()

    async def do(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Does something in the upload's thread, after all that was begun before.

        Raises:
            Unavailable: the disk does not do it.
        """
        loop = asyncio.get_running_loop()
        with _disk():
            return await loop.run_in_executor(self._thread, partial(work, *args, **kwargs))

    async def receive(self, parts: AsyncIterator[Part]) -> Suite:
        """Takes in all parts.

        Args:
            parts: the suite, then each task followed by its samples, then the end.

        Returns:
            The suite as it was read back from the folder.

        Raises:
            InvalidArgument: a part is wrong or out of order, or two splits share a content.
            SuiteTooLarge: it is larger than the bounds.
            DeadlineExceeded: the next part did not come, or the last one not in time.
            Unavailable: the folder cannot be written.
        """
        writer = await self.do(SuiteWriter, self._root)
        try:
            async with _within(self._bounds.duration, "the suite was not there as a whole after"):
                while (part := await self._next(parts)) is not None:
                    self._place.move(part)
                    self._refuse_too_many()
                    await self.do(self._write, writer, part)
        finally:
            await self.do(writer.close)
        self._place.end()
        return await self.do(self._load)

    async def store(self, artifacts: ArtifactStore) -> str:
        """Stores the folder; returns its artifact.

        Raises:
            Unavailable: the artifact store is away.
        """
        return await self.do(artifacts.put_folder, self._root)

    async def _next(self, parts: AsyncIterator[Part]) -> Part | None:
        async with _within(self._bounds.pause, "no part of the suite came for"):
            return await anext(parts, None)

    def _refuse_too_many(self) -> None:
        if self._place.tasks > self._bounds.tasks:
            raise SuiteTooLarge(self._bounds.tasks, "tasks")
        if self._place.all_samples > self._bounds.samples:
            raise SuiteTooLarge(self._bounds.samples, "samples")

    def _write(self, writer: SuiteWriter, part: Part) -> None:
        match part:
            case SuiteHead():
                writer.add_head(part)
            case TaskHead():
                writer.add_task(part)
            case Sample():
                _refuse_no_pictures(part, self._place.sample)
                writer.add_sample(part)
            case End():
                return
        if writer.text_bytes + writer.media_bytes > self._bounds.bytes:
            raise SuiteTooLarge(self._bounds.bytes, "bytes")
        if writer.text_bytes > (most := Limits().file_bytes):
            raise SuiteTooLarge(most, "bytes of text")

    def _load(self) -> Suite:
        try:
            # Here, for to name its content takes a moment.
            return Suite.of(load_own(self._root))
        except InvalidArgument as error:
            place, what = map(_in_the_stream, (error.field, error.message))
            raise InvalidArgument(place, what.removeprefix(f"{place}: "), error.fix) from None


@asynccontextmanager
async def receiving(folder: Path, bounds: Bounds) -> AsyncIterator[Upload]:
    """Makes a folder for an upload, which is gone after the block.

    Args:
        folder: where to make it.
        bounds: how much is taken.

    Raises:
        Unavailable: it cannot be made.
    """
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, thread_name_prefix="suite-upload")
    root = folder / uuid.uuid4().hex
    upload = Upload(root, bounds, thread)
    try:
        await upload.do(root.mkdir, 0o700)
        yield upload
    finally:
        # In the upload's thread, and so after everything that still writes there.
        removal = loop.run_in_executor(thread, partial(shutil.rmtree, root, ignore_errors=True))
        thread.shutdown(wait=False)
        await asyncio.shield(removal)


@asynccontextmanager
async def _within(seconds: float, what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds) as timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise
        raise DeadlineExceeded(f"{what} {seconds:g} s") from None


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable("the trainer cannot write to the folder of uploads") from error


def _refuse_no_pictures(sample: Sample, place: str) -> None:
    named = [(f"{place}.inputs[{index}]", content) for index, content in enumerate(sample.inputs)]
    for name, content in [*named, (f"{place}.reference", sample.reference)]:
        if isinstance(content, bytes) and not is_picture(content):
            what = "it is no PNG, JPEG, WebP, BMP or GIF"
            raise InvalidArgument(name, what, "send the bytes of such a file, or a text")


def _in_the_stream(words: str) -> str:
    """Words of the loader with places of the folder as places of the stream."""

    def place(found: re.Match[str]) -> str:
        line, sample = found.groups()
        return f"task[{int(line) - 1}]" + ("" if sample is None else f".samples[{sample}]")

    return _PLACE.sub(place, words).replace("suite.json", "suite")

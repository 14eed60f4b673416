"""The data of the built-in suite `planning`: samples with references, made when they are asked for.

A combination and a sample's number decide everything, so the wordings of a combination share their samples,
and a sample is the same on every machine (a picture's pixels are, with equal versions of Pillow and NumPy).
Splits share no content: see `allotment`. Samples are kept in memory and not in a store: making one takes
some 11 ms, which reading it from a store on another machine takes too, and 2,048 of them, more than eight
for every combination, fill some 35 MB.

Needs the extra `scenes` (Pillow, NumPy). Left out: input texts in other languages than English.
"""

from __future__ import annotations

from functools import lru_cache

from autoflow.errors import NotFound
from autoflow.suites.model import Sample, Task
from autoflow.suites.planning import Source, split_combinations
from autoflow.suites.samples.pictures import picture_sample
from autoflow.suites.samples.writings import text_sample

__all__ = ["PlanningSamples"]


class PlanningSamples:
    """Makes samples, and keeps the latest."""

    def __init__(self, kept: int = 2048) -> None:
        self._homes = {
            combination.id: (combination, split)
            for split, members in split_combinations().items()
            for combination in members
        }
        self._sample = lru_cache(kept)(self._made)

    def __call__(self, task: Task, count: int) -> tuple[Sample, ...]:
        """The first samples of a task.

        Raises:
            NotFound: the task is none of the suite's.
        """
        home = task.id.rpartition("/")[0]
        if home not in self._homes:
            raise NotFound(f"the suite 'planning' has no task {task.id!r}")
        return tuple(self._sample(home, number) for number in range(count))

    def _made(self, home: str, number: int) -> Sample:
        combination, split = self._homes[home]
        pictured = combination.source in (Source.IMAGE, Source.IMAGE_AND_QUESTION)
        return (picture_sample if pictured else text_sample)(combination, split, number)

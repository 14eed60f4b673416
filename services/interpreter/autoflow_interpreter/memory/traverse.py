"""One question about each earlier answer, as the interpreter of CoRE asks (Xu et al., arXiv 2405.06907).

The questions of a step do not depend on each other, so they are asked side by side, and begin alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from autoflow import prompts
from autoflow.concurrency import gather
from autoflow_interpreter.asking import Unreadable, pick
from autoflow_interpreter.limits import BoundedModel
from autoflow_interpreter.memory.entries import Entry
from autoflow_interpreter.memory.selective import Selection

AT_ONCE = 64
"""The most questions of one execution under way: as many calls as an endpoint takes by default. A limit on
tokens is looked at before each, so it may be passed by so many."""


class Traverse:
    """Asks of each entry whether it is relevant.

    Args:
        query: the task.
    """

    def __init__(self, query: str) -> None:
        self._query = query

    async def select(self, instruction: str, entries: Sequence[Entry], model: BoundedModel) -> Selection:
        """See `Selector`: one question for each entry, two where the first answer cannot be read."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def picked(entry: Entry) -> int | Unreadable:
            question = prompts.relevance(self._query, instruction, entry.key, entry.description)
            async with slots:
                return await pick(question, prompts.RELEVANCE_LABELS, model)

        answers = await gather(picked(entry) for entry in entries)
        return Selection(
            {place: 0.0 for place, answer in enumerate(answers) if answer == 0},
            [place for place, answer in enumerate(answers) if isinstance(answer, Unreadable)],
        )

"""One question about all earlier answers: the model is shown a list and picks.

Where the model takes a grammar or a JSON schema, it can name nothing but what is in the list. Else it answers
in words, and is asked once more where these cannot be read. What still cannot be read picks nothing.

A list that is too long for one prompt is shown in pages, which are asked about side by side.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from autoflow import prompts
from autoflow.concurrency import gather
from autoflow.llm import Capabilities, Constraint, Grammar, JsonSchema, Sampling
from autoflow_interpreter.limits import BoundedModel
from autoflow_interpreter.memory.budget import Room, tokens
from autoflow_interpreter.memory.entries import Entry
from autoflow_interpreter.memory.selective import Selection

_NEEDED = "needed"
"""The property of the JSON answer that holds the numbers."""
_TOKENS_PER_NUMBER = 6
"""Those of a number and what separates it from the next, at most."""


@dataclass(frozen=True, slots=True)
class _Line:
    """An entry in the list."""

    place: int
    """Among all entries, from 0."""
    text: str

    @classmethod
    def of(cls, place: int, number: int, entry: Entry) -> _Line:
        """The line of an entry, which the model names by the number."""
        return cls(place, prompts.selection_line(number, entry.key, entry.description))

    @property
    def tokens(self) -> int:
        """What it takes of the context, with what may be answered to it."""
        return tokens(self.text) + _TOKENS_PER_NUMBER


class Direct:
    """Shows the model keys and descriptions, and lets it pick.

    Args:
        query: the task.
        room: what there is for one page. An answer has as many tokens as that of a step, and more for every
            entry.
    """

    def __init__(self, query: str, room: Room) -> None:
        self._query = query
        self._room = room

    async def select(self, instruction: str, entries: Sequence[Entry], model: BoundedModel) -> Selection:
        """See `Selector`: a question for each page, two where the first answer cannot be read."""
        pages = self._pages(instruction, entries)
        answers = await gather(self._picked(instruction, page, model) for page in pages)
        listed = {line.place for page in pages for line in page}
        return Selection(
            relevant={place: 0.0 for answer in answers for place in answer or ()},
            unread=[
                line.place
                for page, answer in zip(pages, answers, strict=True)
                if answer is None
                for line in page
            ],
            unasked=[place for place in range(len(entries)) if place not in listed],
        )

    async def _picked(
        self, instruction: str, page: Sequence[_Line], model: BoundedModel
    ) -> Sequence[int] | None:
        """The places that the model picks from a page; None where no answer could be read."""
        constraint = _constraint(model.capabilities, len(page))
        sampling = Sampling(max_tokens=self._room.answer_tokens + _TOKENS_PER_NUMBER * len(page))
        lines = [line.text for line in page]
        for again in (False, True):
            question = prompts.selection(self._query, instruction, lines, again=again)
            said = await model.complete(question, sampling, constraint)
            text = _numbers(said) if isinstance(constraint, JsonSchema) else said
            if (picked := prompts.read_selection(text, len(page))) is not None:
                return [page[index].place for index in picked]
        return None

    def _pages(self, instruction: str, entries: Sequence[Entry]) -> list[list[_Line]]:
        """The list, in as few parts as there is room for; an entry that alone is too long is in none."""
        room = self._room.beside(prompts.selection(self._query, instruction, [], again=True))
        pages: list[list[_Line]] = [[]]
        left = room
        for place, entry in enumerate(entries):
            line = _Line.of(place, len(pages[-1]) + 1, entry)
            if room is not None and left is not None and line.tokens > left:
                line = _Line.of(place, 1, entry)
                if line.tokens > room:
                    continue
                pages, left = [*pages, []], room
            pages[-1].append(line)
            left = None if left is None else left - line.tokens
        return [page for page in pages if page]


def _constraint(can: Capabilities, count: int) -> Constraint | None:
    if can.json_schema:
        numbers = {"type": "array", "items": {"type": "string", "enum": [str(n + 1) for n in range(count)]}}
        schema = {
            "type": "object",
            "properties": {_NEEDED: numbers},
            "required": [_NEEDED],
            "additionalProperties": False,
        }
        return JsonSchema("earlier_answers", schema)
    if not can.grammar:
        return None
    numbers_or = " | ".join(f'"{number}"' for number in range(1, count + 1))
    return Grammar(
        ebnf=f'root ::= "none" | number (", " number)*\nnumber ::= {numbers_or}',
        lark=f'start: "none" | number (", " number)*\nnumber: {numbers_or}',
    )


def _numbers(said: str) -> str:
    """What a JSON answer says, as an answer in words would; empty where it is no such answer."""
    try:
        needed = json.loads(said)[_NEEDED]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    if not isinstance(needed, list) or not all(isinstance(number, str) for number in needed):
        return ""
    return ", ".join(needed) or "none"

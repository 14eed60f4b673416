"""The planner as a language model: what it says to every prompt of the interpreter, of both protocols.

It reads nothing but the prompt, which shows all earlier steps (the memory strategy `append`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from autoflow.llm import Message, Role
from autoflow.suites.travel import Mode
from tests.suites.travel.planner.planner import Call, Planner, Reply, Situation, Turn
from tests.suites.travel.planner.reading import read_query

_TASK = re.compile(r"Task: (.*?)\n\n", re.DOTALL)
"""The query without the guide."""
_BROUGHT = re.compile(r"The tool \w+, called with [^\n]*, brought:\n(.*?\n)\n", re.DOTALL)
_SO_FAR = re.compile(r"^Answer so far: (.*)$", re.MULTILINE)
_OPTION = re.compile(r"^([A-Z])\. ([^:\n]+)", re.MULTILINE)
_FIELDS = re.compile(r"\(Fields of the reply: ([\w, ]+)")
_CALLED = re.compile(r"\bcall (\w+)", re.IGNORECASE)


class PlannerModel:
    """What the planner says to a chat; a `Script`.

    Args:
        planner: knows the workflow.
    """

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    def __call__(self, messages: Sequence[Message]) -> str:
        """The reply to a prompt, whatever it asks."""
        asked = messages[-1].content
        if asked.startswith("Question: "):
            return self._branch(asked)
        if asked.endswith(("A. Yes\nB. No", "A. Yes\nB. No\n")):
            return "B" if self._tool(asked) is None else "A"
        if "Which of the tools is to be called?" in asked:
            return next(mark for mark, name in _options(asked) if name == self._tool(asked))
        if asked.rstrip().endswith("Arguments:"):
            call = Call.said_in(_found(_SO_FAR, asked))
            return json.dumps(call.arguments) if call else "{}"
        if asked.rstrip().endswith("Answer to the instruction:"):
            return f"{_found(_SO_FAR, asked)}\n{_found(_BROUGHT, asked)}"
        reply = self._reply(messages)
        fields = _FIELDS.search(asked)
        return _fused(reply, fields[1].split(", ")) if fields else reply.answer

    def _reply(self, messages: Sequence[Message]) -> Reply:
        query = _found(_TASK, messages[1].content)
        situation = Situation(query, list(_turns(messages)))
        return self._planner.reply(self._instruction(messages[-1].content), situation)

    def _instruction(self, asked: str) -> str:
        return next(one for one in self._planner.instructions if one in asked)

    def _tool(self, asked: str) -> str | None:
        """The tool that a step needs, as its instruction and the query alone tell."""
        called = _CALLED.search(self._instruction(asked))
        flies = read_query(_found(_TASK, asked)).wishes.without is not Mode.FLIGHT
        return called[1] if called and (flies or called[1] != "flight_search") else None

    def _branch(self, asked: str) -> str:
        """The letter of the label that the answer begins with."""
        answer = asked[asked.index("\nAnswer: ") + len("\nAnswer: ") :]
        return next(mark for mark, label in _options(asked) if answer.startswith(f"{label}."))


def _options(asked: str) -> list[tuple[str, str]]:
    """What there is to choose from, each with the letter that it is chosen by."""
    return [(found[1], found[2]) for found in _OPTION.finditer(asked)]


def _turns(messages: Sequence[Message]) -> Iterator[Turn]:
    """The steps of a chat. What a tool brought stands before the next instruction, or in the answer."""
    for answered, following in zip(messages[2::2], messages[3::2], strict=True):
        assert (answered.role, following.role) == (Role.ASSISTANT, Role.USER)
        answer, _, summed_up = answered.content.partition("\n")
        brought = _BROUGHT.match(following.content)
        yield Turn(answer, brought[1] if brought else summed_up)


def _fused(reply: Reply, fields: Sequence[str]) -> str:
    call = reply.call
    everything = {
        "answer": reply.answer,
        "tool": call.tool if call else "none",
        "arguments": json.dumps(call.arguments) if call else "",
        "branch": reply.label,
    }
    return json.dumps({field: everything[field] for field in fields})


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    assert found is not None, f"{pattern.pattern} is not in: {text[-500:]}"
    return found[1]

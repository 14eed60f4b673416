"""A model that carries out scripted workflows, whatever it is asked and by whatever protocol.

It knows a question by its system message, the step by the mark in its instruction, and how often the step was
executed by the marks of the answers that the prompt shows. So it keeps no state: a question that is asked
again, also after the loss of a server, has the same reply.

What a step sees must hold the step's own earlier answers. Asked about relevance it therefore says that these
are relevant, and some others.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from autoflow import prompts
from autoflow.language import StepType
from autoflow.llm import Message, Role
from autoflow.testing.scripted_workflow import Move, ScriptedWorkflow
from autoflow.testing.simple_tools import SIMPLE_TOOLS

_INSTRUCTION = re.compile(r"(?<!done-)\b([a-z]+\d+)-(\d+)\b(?!-\d)")
_DONE = re.compile(r"\bdone-([a-z]+\d+)-(\d+)-(\d+)\b")
_LISTED = re.compile(r"^(\d+)\. (Step \d+) #\d+\b[^:]*: ", re.MULTILINE)
_ENTRY = re.compile(r"^Earlier answer: (Step \d+) #\d+\b", re.MULTILINE)
_SELECT_AGAIN = "Answer with numbers from 1 to"
"""A selection is asked as a whole once more."""
_UNREADABLE = "Nothing that anyone could use."
_ALSO_RELEVANT = 0.2
"""How likely an earlier answer is called relevant that is not needed."""


class Question(StrEnum):
    """What a model is asked for."""

    STEP = "step"
    """All of a step at once."""
    ANSWER = "answer"
    RELEVANCE = "relevance"
    """Whether one earlier answer matters."""
    SELECTION = "selection"
    """Which earlier answers matter."""
    TOOL_NEEDED = "tool needed"
    TOOL_CHOICE = "tool choice"
    ARGUMENTS = "arguments"
    SUMMARY = "summary"
    BRANCH = "branch"


_UNTIMED = {Question.RELEVANCE, Question.SELECTION, Question.TOOL_NEEDED, Question.TOOL_CHOICE}
"""Those that show no answer of the step."""
_BEFORE_THE_ANSWER = {Question.STEP, Question.ANSWER}
_INSTRUCTION_FIRST = {Question.RELEVANCE, Question.SELECTION}
"""What stands after the instruction may quote those of other steps; elsewhere, what stands before it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model replies, and to what."""

    question: Question
    about: str
    """Of the workflow."""
    step: str
    time: int
    """How often the step was executed, this time included; 0 where the question does not tell."""
    text: str
    """Where there are options, the letter of one."""
    choice: int | None
    """The index of the option; None where there are none."""
    wrong: bool
    """Whether it is one that cannot be used."""


class ScriptedReplies:
    """Replies to the questions of executions.

    Args:
        scripts: the workflows that it knows, no two about the same.
    """

    def __init__(self, scripts: Iterable[ScriptedWorkflow]) -> None:
        self._scripts = {script.about: script for script in scripts}
        self._questions = _system_messages()

    def reply(self, messages: Sequence[Message], *, structured: bool = True) -> Reply:
        """What is replied to a chat.

        Args:
            messages: the chat.
            structured: whether it is asked for JSON where that is not said in words.

        Raises:
            KeyError: the chat is about no workflow that it knows.
            ValueError: it is no question of an execution.
        """
        asked = _Asked.of(self._question(messages[0].content), messages)
        script = self._scripts[asked.about]
        choice = _choice(asked, script)
        right = _text(asked, script, structured) if choice is None else prompts.BRANCH_OPTIONS[choice]
        wrong = None if asked.again else _wrong(asked.question, asked.step, asked.time, script)
        return Reply(
            question=asked.question,
            about=asked.about,
            step=asked.step,
            time=asked.time,
            text=right if wrong is None else wrong,
            choice=choice,
            wrong=wrong is not None,
        )

    def wrong_replies(self, about: str, question: Question) -> int:
        """How many replies to such questions cannot be used in one execution that nothing interrupts.

        Args:
            about: of the workflow.
            question: one that is asked in every step of a protocol, or about every tool.
        """
        script = self._scripts[about]
        moves = [move for move in script.path if move.tool or question is not Question.ARGUMENTS]
        return sum(_wrong(question, move.step, move.time, script) is not None for move in moves)

    def _question(self, system: str) -> Question:
        for beginning, question in self._questions.items():
            if system.startswith(beginning):
                return question
        raise ValueError("this is no question of an execution")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, taken apart."""

    question: Question
    about: str
    step: str
    time: int
    again: bool
    """Whether a reply to it was refused."""
    last: str
    """The last message."""

    @classmethod
    def of(cls, question: Question, messages: Sequence[Message]) -> _Asked:
        """Takes a chat apart."""
        turns = [
            (place, _INSTRUCTION.findall(message.content))
            for place, message in enumerate(messages)
            if message.role is Role.USER
        ]
        # A turn that only asks once more names no step, and what was said before it was refused.
        place, marks = [(place, marks) for place, marks in turns if marks][-1]
        about, number = marks[0 if question in _INSTRUCTION_FIRST else -1]
        chat = "\n".join(_whole(message) for message in messages[: place + 1])
        times = [int(time) for *mark, time in _DONE.findall(chat) if mark == [about, number]]
        time = max(times, default=0) + (question in _BEFORE_THE_ANSWER)
        last = messages[-1].content
        again = place < len(messages) - 1 or (question is Question.SELECTION and _SELECT_AGAIN in last)
        return cls(question, about, f"Step {number}", 0 if question in _UNTIMED else time, again, last)


def _whole(message: Message) -> str:
    return "\n".join([message.content, *(call.arguments for call in message.tool_calls)])


def _system_messages() -> Mapping[str, Question]:
    """What the system message of each question begins with."""
    tool = SIMPLE_TOOLS["add"].tool
    chats = {
        Question.ANSWER: prompts.execution("", (), ""),
        Question.RELEVANCE: prompts.relevance("", "", "", ""),
        Question.SELECTION: prompts.selection("", "", ()),
        Question.TOOL_NEEDED: prompts.tool_needed("", "", ()),
        Question.TOOL_CHOICE: prompts.tool_choice("", "", (tool, tool)),
        Question.ARGUMENTS: prompts.tool_arguments("", "", "", "", tool),
        Question.SUMMARY: prompts.tool_summary("", "", "", "", "", "", False),
        Question.BRANCH: prompts.branch("", "", ()),
    }
    # What follows the first line depends on the tools.
    fused = prompts.fused_opening("", (), (), "")[0].content.partition("\n")[0]
    return {**{chat[0].content: question for question, chat in chats.items()}, fused: Question.STEP}


def _choice(asked: _Asked, script: ScriptedWorkflow) -> int | None:
    """The index of the option that is chosen; None where the question has no options."""
    match asked.question:
        case Question.RELEVANCE:
            entry = _ENTRY.search(asked.last)
            assert entry is not None
            return 0 if _relevant(entry[1], asked, script) else 1
        case Question.TOOL_NEEDED:
            return 0 if script.tool(asked.step) else 1
        case Question.TOOL_CHOICE:
            listed = re.search(rf"^([A-Z])\. {script.tool(asked.step)}: ", asked.last, re.MULTILINE)
            assert listed is not None
            return prompts.BRANCH_OPTIONS.index(listed[1])
        case Question.BRANCH:
            return script.move(asked.step, asked.time).branch
        case _:
            return None


def _text(asked: _Asked, script: ScriptedWorkflow, structured: bool) -> str:
    if asked.question is Question.SELECTION:
        numbers = [number for number, step in _LISTED.findall(asked.last) if _relevant(step, asked, script)]
        return json.dumps({"needed": numbers}) if structured else ", ".join(numbers) or "none"
    move = script.move(asked.step, asked.time)
    match asked.question:
        case Question.STEP:
            return json.dumps(_reply(move, script))
        case Question.ARGUMENTS:
            return move.arguments
        case _:
            return move.answer


def _relevant(step: str, asked: _Asked, script: ScriptedWorkflow) -> bool:
    rng = random.Random(f"{script.workflow.digest}/{asked.step}/{step}")
    return step == asked.step or rng.random() < _ALSO_RELEVANT


def _reply(move: Move, script: ScriptedWorkflow) -> dict[str, str]:
    kind = script.workflow.step(move.step).type
    reply = {"answer": move.answer}
    if script.shape.tools and kind is not StepType.TERMINAL:
        reply |= {"tool": move.tool or "none", "arguments": move.arguments}
    if kind is StepType.DECISION:
        reply["branch"] = move.label
    return reply


def _wrong(question: Question, step: str, time: int, script: ScriptedWorkflow) -> str | None:
    """The reply that cannot be used and comes first; None where the first one can be used."""
    wrongs = {Question.STEP, Question.ARGUMENTS, Question.SELECTION}
    fault = script.fault(step, time, question) if question in wrongs else 0
    if not fault:
        return None
    if question is Question.SELECTION:
        return _UNREADABLE
    move = script.move(step, time)
    spoilt = ""
    if move.tool:
        spoilt = json.dumps(SIMPLE_TOOLS[move.tool].spoil(json.loads(move.arguments)))
    if question is Question.ARGUMENTS:
        return spoilt if fault % 2 else _UNREADABLE
    # Without the mark of an answer: it is none.
    reply = {**_reply(move, script), "answer": "a draft"}
    if fault % 3 == 0 and spoilt:
        return json.dumps({**reply, "arguments": spoilt})
    return json.dumps({**reply, "branch": "Sideways"}) if fault % 3 == 1 else _UNREADABLE

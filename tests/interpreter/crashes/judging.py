"""Holds what endpoint and tools were asked against the events that are kept, execution by execution."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from autoflow.testing.scripted_chat import Asked
from autoflow.testing.scripted_replies import Question
from autoflow.testing.simple_tools import SIMPLE_TOOLS
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.interpreter.crashes.killing import Survivor
from tests.interpreter.world import Kill, ToolAsked, World

_PURPOSES = {
    pb.CALL_PURPOSE_STEP: Question.STEP,
    pb.CALL_PURPOSE_ANSWER: Question.ANSWER,
    pb.CALL_PURPOSE_TOOL_NEEDED: Question.TOOL_NEEDED,
    pb.CALL_PURPOSE_TOOL_CHOICE: Question.TOOL_CHOICE,
    pb.CALL_PURPOSE_ARGUMENTS: Question.ARGUMENTS,
    pb.CALL_PURPOSE_SUMMARY: Question.SUMMARY,
    pb.CALL_PURPOSE_BRANCH: Question.BRANCH,
}
"""Left out are questions about memory, many of which have the same reply."""


@dataclass(slots=True)
class Verdict:
    """What was found."""

    model_calls: int = 0
    repeated_model_calls: int = 0
    """Those that were under way at a kill, and were made again."""
    counted_model_calls: int = 0
    """What the executions themselves count of those; a call that is cut off twice counts once."""
    tool_calls: int = 0
    repeated_tool_calls: int = 0
    lost_tool_calls: int = 0
    """Those that were under way at a kill, and were not made again because that might do harm."""
    resumptions: int = 0
    faults: list[str] = field(default_factory=list)
    """What must not be."""


def judge(survivors: Sequence[Survivor], surroundings: World) -> Verdict:
    """Judges executions of scripts about different things."""
    verdict = Verdict()
    asked: dict[str, list[Asked]] = defaultdict(list)
    for each in surroundings.asked:
        asked[each.reply.about].append(each)
    calls: dict[str, list[ToolAsked]] = defaultdict(list)
    for call in surroundings.tools.asked:
        calls[call.call_id].append(call)
    for survivor in survivors:
        case = _Case(survivor, asked[survivor.script.about], calls, surroundings.kills)
        for fault in (*case.way(), *case.model(verdict), *case.tools(verdict), *case.counts(verdict)):
            verdict.faults.append(f"{survivor.script.about}: {fault}")
    return verdict


class _Case:
    """One execution."""

    def __init__(
        self,
        survivor: Survivor,
        asked: Sequence[Asked],
        calls: dict[str, list[ToolAsked]],
        kills: Sequence[Kill],
    ) -> None:
        self._path = survivor.script.path
        self._streamed, self._stored = survivor.streamed, survivor.stored
        self._finished = survivor.stored[-1].finished
        self._asked = asked
        self._calls = calls
        self._kills = kills

    def way(self) -> Iterator[str]:
        """It is the script's, its events have no gaps, and the caller saw them all."""
        taken = [event.branch_taken.label for event in self._stored if event.HasField("branch_taken")]
        answers = [event.step_answered.answer for event in self._stored if event.HasField("step_answered")]
        if self._finished.outcome != pb.EXECUTION_OUTCOME_ANSWERED:
            yield f"ended so: {self._finished}"
        if [*taken, ""] != [move.label for move in self._path]:
            yield f"went another way: {taken}"
        if answers != [move.answer for move in self._path]:
            yield f"has other answers: {answers}"
        if [event.sequence for event in self._stored] != list(range(len(self._stored))):
            yield "its events are not numbered without gaps"
        if list(self._streamed) != list(self._stored):
            yield "its caller saw other events than are stored"

    def model(self, verdict: Verdict) -> Iterator[str]:
        """A call is repeated because of a kill alone, at most once for each, and never once it was stored."""
        verdict.model_calls += len(self._asked)
        same: dict[str, list[Asked]] = defaultdict(list)
        for each in self._asked:
            same[each.digest].append(each)
        repeated = set()
        for digest, group in same.items():
            for earlier, later in pairwise(group):
                if self._begins_anew(later.reply.step, earlier.began, later.began):
                    continue
                verdict.repeated_model_calls += 1
                repeated.add(digest)
                if not self._killed(earlier.began, later.began):
                    what = f"{later.reply.question} of {later.reply.step}"
                    yield f"{what} was asked twice without a kill, {self._told(earlier.began, later.began)}"
        counted = self._finished.repeated_model_calls
        verdict.counted_model_calls += counted
        if counted < len(repeated):
            yield f"{len(repeated)} calls of the model were repeated, and it counts {counted}"
        for event in self._stored:
            question = _PURPOSES.get(event.model_called.purpose)
            if question is not None:
                yield from self._asked_again(event, question)

    def _asked_again(self, event: pb.ExecutionEvent, question: Question) -> Iterator[str]:
        called, when = event.model_called, _seconds(event)
        for each in self._asked:
            alike = each.reply.question == question and each.reply.step == called.step
            same = alike and called.reply in (each.reply.text, json.dumps({"choice": each.reply.text}))
            if same and each.began > when and not self._begins_anew(called.step, when, each.began):
                yield f"{question} of {called.step} was asked once more when its reply was stored"

    def tools(self, verdict: Verdict) -> Iterator[str]:
        """A call is made once; once more where a kill cut it off and that does no harm."""
        returned = {
            event.tool_returned.call_id: event for event in self._stored if event.HasField("tool_returned")
        }
        names = {
            event.tool_called.call_id: event.tool_called.tool
            for event in self._stored
            if event.HasField("tool_called")
        }
        for call_id, name in names.items():
            made = self._calls[call_id]
            verdict.tool_calls += 1
            verdict.repeated_tool_calls += max(0, len(made) - 1)
            result = returned[call_id]
            lost = result.tool_returned.WhichOneof("result") == "failure"
            verdict.lost_tool_calls += lost
            idempotent = SIMPLE_TOOLS[name].tool.idempotent
            if len(made) > 1 + idempotent:
                yield f"{name} was called {len(made)} times as {call_id}"
            if not lost and not made:
                yield f"{name} was not called as {call_id}, and yet it returned"
            if any(call.began > _seconds(result) for call in made):
                yield f"{name} was called once more as {call_id} when it had returned"
            for earlier, later in pairwise(made):
                if not self._killed(earlier.began, later.began):
                    when = self._told(earlier.began, later.began)
                    yield f"{name} was called twice as {call_id} without a kill, {when}"
            if lost and idempotent and len(made) < 2 and not self._killed_twice(call_id):
                yield f"{name} failed as {call_id}: {result.tool_returned.failure}"

    def counts(self, verdict: Verdict) -> Iterator[str]:
        """What the last event counts is what happened."""
        resumed = [event for event in self._stored if event.HasField("resumed")]
        called = [event.tool_called for event in self._stored if event.HasField("tool_called")]
        verdict.resumptions += self._finished.resumptions
        # One that was lost again before it could say so has left a number out.
        numbers = [0, *(event.resumed.resumption for event in resumed), self._finished.resumptions + 1]
        if any(later <= earlier for earlier, later in pairwise(numbers)):
            yield f"its resumptions are {numbers[1:-1]}, and it counts {self._finished.resumptions}"
        if self._finished.resumptions > len(self._kills):
            yield f"it was resumed {self._finished.resumptions} times"
        if self._finished.repeated_tool_calls != sum(call.attempt > 1 for call in called):
            yield f"it counts {self._finished.repeated_tool_calls} repeated calls of tools"
        if self._finished.tool_calls != sum(bool(move.tool) for move in self._path):
            yield f"it counts {self._finished.tool_calls} calls of tools"

    def _told(self, *times: float) -> str:
        """Times in seconds after the first event, and those of the resumptions and kills."""
        start = _seconds(self._stored[0])
        resumed = [_seconds(event) for event in self._stored if event.HasField("resumed")]
        told = {"at": times, "resumed": resumed, "killed": [kill.at for kill in self._kills]}
        return json.dumps({what: [round(time - start, 3) for time in when] for what, when in told.items()})

    def _killed(self, start: float, end: float) -> bool:
        return any(kill.lies_between(start, end) for kill in self._kills)

    def _killed_twice(self, call_id: str) -> bool:
        """Whether a call was begun twice, as far as the events tell: a kill may have come before the call."""
        begun = [event for event in self._stored if event.tool_called.call_id == call_id]
        return len(begun) > 1

    def _begins_anew(self, step: str, start: float, end: float) -> bool:
        """Whether a step is executed once more in between."""
        return any(
            event.step_started.step == step and start < _seconds(event) <= end for event in self._stored
        )


def _seconds(event: pb.ExecutionEvent) -> float:
    return event.time.ToNanoseconds() / 1e9

"""The calls of a step are those that docs/protocols.md counts, in the order that it says."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from autoflow.language import Branch, Step, StepType
from autoflow.llm import Capabilities, Message, Sampling
from autoflow.testing import ScriptedModel
from autoflow.tools.built_in.calculator import Calculator
from autoflow.tools.built_in.dates import DateTool
from autoflow.tools.built_in.source import BuiltIn
from autoflow.tools.registry import Registry
from autoflow_interpreter.decisions import way_out
from autoflow_interpreter.events import MemoryStrategy, ModelCalled, Purpose
from autoflow_interpreter.journal import Journal
from autoflow_interpreter.limits import BoundedModel, Clock, Limits
from autoflow_interpreter.memory import MemorySettings, Room, memory_for
from autoflow_interpreter.past import Past
from autoflow_interpreter.protocols.fused import Fused, FusedFrame
from autoflow_interpreter.protocols.stepwise import PlainFrame, Stepwise
from autoflow_interpreter.step_tools import ToolDesk
from tests.interpreter.noting import Noted

_PAGE = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text()
_ROWS = re.findall(r"^\| (.*?) \| m \+ (\d) \| m \+ (\d) \|$", _PAGE, re.MULTILINE)
_EARLIER = 3
_ARGUMENTS = '{"expression": "1 + 1"}'
_TOOLS = (Calculator().tool, DateTool().tool)
_ONE, _TWO = (Branch("next", "Step 2"),), (Branch("Yes", "Step 2"), Branch("No", "Step 1"))


class _Case:
    """What a row of the table is about."""

    def __init__(self, row: str) -> None:
        self.kinds = [kind for kind in StepType if re.search(rf"\b{kind}\b", row.partition(",")[0])]
        self.tools = () if "no tools" in row else _TOOLS
        self.calls_one = "calls one" in row

    def says(self, messages: Sequence[Message]) -> str:
        """The model's reply, in words or as an object."""
        asked = messages[-1].content
        if asked.endswith("Arguments:"):
            return _ARGUMENTS
        fields = re.search(r"Fields of the reply: (.*?)\.", asked)
        if fields is None:
            return "the answer"
        tool, arguments = ("calculator", _ARGUMENTS) if self.calls_one else ("none", "")
        reply = {"answer": "the answer", "tool": tool, "arguments": arguments, "branch": "Yes"}
        return json.dumps({field: reply[field] for field in fields[1].split(", ")})

    def picks(self, messages: Sequence[Message], options: Sequence[str]) -> int:
        """The option that it picks."""
        return 0 if self.calls_one or "Must one of the tools" not in messages[-1].content else 1


async def _purposes(case: _Case, kind: StepType, *, fused: bool) -> list[Purpose]:
    """What the calls of a step are for, with some earlier answers and the memory `traverse`."""
    branches = {StepType.PROCESS: _ONE, StepType.DECISION: _TWO, StepType.TERMINAL: ()}[kind]
    step = Step("Step 1", kind, "Go on", branches)
    noted, clock = Noted(), Clock(60)
    journal = Journal(noted, Past())
    scripted = ScriptedModel(
        case.says, choose=case.picks, capabilities=Capabilities(json_schema=fused, seed=True)
    )
    model = BoundedModel(scripted, None, Limits(), clock, journal)
    frame = FusedFrame("the task", (), case.tools) if fused else PlainFrame("the task", ())
    memory = memory_for(MemoryStrategy.TRAVERSE, "the task", frame, room=Room(), settings=MemorySettings())
    for number in range(_EARLIER):
        memory.answered(Step(f"Step {number + 2}", StepType.PROCESS, "Look", _ONE), "seen")
    registry = Registry([BuiltIn("own", [Calculator(), DateTool()])])
    desk = ToolDesk(registry, case.tools, "an-id", clock, journal)
    protocol = (
        Fused(model, memory, desk, journal, Sampling(), everything=False)
        if fused
        else Stepwise("the task", model, memory, desk, journal, Sampling(), everything=False)
    )
    journal.begin(step.name)
    work = await protocol.carry_out(step)
    if branches and work.branch is None:
        await way_out(step, work.answer, model.to(Purpose.BRANCH))
    return [each.event.purpose for each in noted.recorded if isinstance(each.event, ModelCalled)]


@pytest.mark.parametrize(("row", "stepwise", "fused"), _ROWS)
async def test_the_calls_of_a_step_are_those_of_the_table(row: str, stepwise: str, fused: str) -> None:
    case = _Case(row)
    assert case.kinds
    for kind in case.kinds:
        assert len(await _purposes(case, kind, fused=False)) == _EARLIER + int(stepwise)
        assert len(await _purposes(case, kind, fused=True)) == _EARLIER + int(fused)


def test_the_table_is_read() -> None:
    assert len(_ROWS) == 5


async def test_parts_are_asked_in_the_order_that_is_shown() -> None:
    purposes = await _purposes(_Case("decision, calls one of several tools"), StepType.DECISION, fused=False)
    ways = [
        [*[Purpose.RECALL] * _EARLIER, Purpose.ANSWER],
        [Purpose.TOOL_NEEDED, Purpose.TOOL_CHOICE],
    ]
    assert purposes[-3:] == [Purpose.ARGUMENTS, Purpose.SUMMARY, Purpose.BRANCH]
    for way in ways:
        assert [purpose for purpose in purposes[:-3] if purpose in way] == way

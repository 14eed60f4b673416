"""Models that call tools, and tools that wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from autoflow.llm import Capabilities, Message
from autoflow.testing import ScriptedModel, ScriptedTools
from autoflow.testing.simple_tools import SIMPLE_TOOLS, simple_answer
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.tool_service_pb2 import CallToolRequest, CallToolResponse
from tests.interpreter.kept.servers import Events

_WANTS = "Use a tool"
ONE_TOOL = f"Step 1:::process:::{_WANTS}:::next::Step 2\nStep 2:::terminal:::Say what it brought\n"
RIGHT, WRONG = '{"a": 2, "b": 3}', '{"a": 2, "b": "three"}'
SEATS = '{"guests": ["Ada"], "quiet": true}'
FUSED, STEPWISE = pb.EXECUTION_PROTOCOL_FUSED, pb.EXECUTION_PROTOCOL_STEPWISE

_PATIENCE = 30.0


class ToolUser(ScriptedModel):
    """Calls a tool where the step of `ONE_TOOL` says so, by either protocol.

    Args:
        tool: which.
        arguments: what it writes as arguments, one after the other; the last is repeated.
        answer: what it answers.
    """

    def __init__(self, tool: str, *arguments: str, answer: str = "an answer") -> None:
        super().__init__(self._say, capabilities=Capabilities(json_schema=True))
        self._tool = tool
        self._arguments = arguments
        self._answer = answer

    def _say(self, messages: Sequence[Message]) -> str:
        constraint = self.calls[-1].constraint
        if constraint is not None:
            fields: dict[str, Any] = constraint.schema["properties"]  # type: ignore[union-attr]
            said = {"answer": self._answer, "tool": self._tool, "arguments": ""}
            if "tool" in fields:
                said["arguments"] = self._written(messages)
            return json.dumps({field: said[field] for field in fields})
        system = messages[0].content
        if system.startswith("You decide whether"):
            return "A" if _WANTS in messages[-1].content else "B"
        if system.startswith("You call a tool"):
            return self._written(messages)
        return self._answer

    def _written(self, messages: Sequence[Message]) -> str:
        # Each correction is a reply and what was wrong with it.
        corrections = (len(messages) - 2) // 2
        return self._arguments[min(corrections, len(self._arguments) - 1)]


class WaitingTools:
    """The simple tools; each call waits until it is let through.

    Make it inside the event loop that uses it.
    """

    def __init__(self) -> None:
        self._through = asyncio.Event()
        self._called = asyncio.Condition()
        self.server = ScriptedTools([each.tool for each in SIMPLE_TOOLS.values()], self._answer)

    def let_through(self) -> None:
        """Lets all calls go on."""
        self._through.set()

    async def until(self, calls: int) -> None:
        """Returns when so many calls have come."""
        async with asyncio.timeout(_PATIENCE), self._called:
            await self._called.wait_for(lambda: len(self.server.requests) >= calls)

    async def _answer(self, request: CallToolRequest) -> CallToolResponse:
        async with self._called:
            self._called.notify_all()
        await self._through.wait()
        return simple_answer(request)


def simple_tools() -> ScriptedTools:
    """A provider of the simple tools."""
    return ScriptedTools([each.tool for each in SIMPLE_TOOLS.values()], simple_answer)


def called(events: Events) -> list[pb.ToolCalled]:
    """The calls of tools."""
    return [event.tool_called for event in events if event.HasField("tool_called")]


def returned(events: Events) -> list[pb.ToolReturned]:
    """What came of them."""
    return [event.tool_returned for event in events if event.HasField("tool_returned")]

"""The tools that the steps of one execution may call.

A step calls one tool, once. The call is written down before it is made and when it has ended, under an
identity that is the same however often it is made. One that was under way when the server was lost is made
once more where the tool says that this does no harm; else the model is told that nobody knows what came of
it.

What a tool fails at is an observation for the model. That a tool cannot be reached is not: it would make the
workflow look bad for what it did not do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from autoflow.errors import DeadlineExceeded
from autoflow.language import Step
from autoflow.suites import Tool
from autoflow.tools.model import ToolFailure
from autoflow.tools.registry import Registry
from autoflow_interpreter.events import ToolCalled, ToolReturned
from autoflow_interpreter.journal import Journal
from autoflow_interpreter.limits import Clock
from autoflow_interpreter.memory import Observation

_MOST_ATTEMPTS = 2
_LOST = (
    "the server was lost while the call was under way; nobody knows whether it took effect, and it is not"
    " made again"
)


class ToolDesk:
    """Calls tools for one execution.

    Args:
        registry: where tools are.
        tools: those that steps may call, sorted by name.
        execution: its id.
        clock: its time.
        journal: its journal.
    """

    def __init__(
        self, registry: Registry, tools: Sequence[Tool], execution: str, clock: Clock, journal: Journal
    ) -> None:
        self.tools = tuple(tools)
        self._registry = registry
        self._by_name = {tool.name: tool for tool in tools}
        self._execution = execution
        self._clock = clock
        self._journal = journal

    async def problem(self, name: str, arguments: str) -> str:
        """Why a tool cannot be called so, for the model; empty where it can.

        Raises:
            Stopped: the time is over.
            Unavailable: the tool's source cannot be reached.
        """
        if self._journal.unfinished.tool_called is not None:
            return ""
        return await self._clock.within(
            lambda: self._registry.problem(name, arguments, allowed=self._by_name.keys())
        )

    async def call(self, step: Step, name: str, arguments: str) -> Observation:
        """Calls a tool; where the step has called one before its server was lost, that call counts.

        Raises:
            Stopped: the time is over.
            Unavailable: the tool's source cannot be reached.
            ResourceExhausted: it has too much to do.
        """
        called, returned = self._journal.unfinished.tool_called, self._journal.unfinished.tool_returned
        if called is None:
            called = ToolCalled(step.name, name, arguments, self._call_id, 1)
        elif returned is None:
            tool = self._by_name.get(called.tool)
            if tool is None or not tool.idempotent or called.attempt >= _MOST_ATTEMPTS:
                returned = ToolReturned(step.name, called.call_id, _LOST, failed=True)
                self._journal.tool_returned(returned)
            else:
                called = ToolCalled(step.name, called.tool, called.arguments, called.call_id, 2)
        if returned is None:
            self._journal.tool_called(called)
            returned = await self._made(step, called)
            self._journal.tool_returned(returned)
        return observation(called, returned)

    def uncalled(self, step: Step, name: str, arguments: str, problem: str) -> Observation:
        """What a step sees of a tool that cannot be called, whatever the model was told.

        Args:
            step: the step.
            name: the tool's.
            arguments: the last that the model wrote.
            problem: what is wrong with them.
        """
        known, returned = self._journal.unfinished.tool_called, self._journal.unfinished.tool_returned
        if known and returned:
            return observation(known, returned)
        called = ToolCalled(step.name, name, arguments, self._call_id, 0)
        self._journal.tool_called(called)
        returned = ToolReturned(step.name, called.call_id, problem, failed=True)
        self._journal.tool_returned(returned)
        return observation(called, returned)

    @property
    def _call_id(self) -> str:
        return f"{self._execution}-{self._journal.executed}"

    async def _made(self, step: Step, called: ToolCalled) -> ToolReturned:
        await self._journal.settled()
        try:
            result = await self._clock.within(
                lambda: self._registry.call(
                    called.tool,
                    called.arguments,
                    deadline=self._clock.left,
                    call_id=called.call_id,
                    allowed=self._by_name.keys(),
                )
            )
        except DeadlineExceeded as error:
            return ToolReturned(step.name, called.call_id, error.message, failed=True)
        if isinstance(result, ToolFailure):
            return ToolReturned(step.name, called.call_id, result.message, failed=True)
        images = tuple(f"sha256:{hashlib.sha256(image).hexdigest()}" for image in result.images)
        return ToolReturned(step.name, called.call_id, result.text, failed=False, images=images)


def observation(called: ToolCalled, returned: ToolReturned) -> Observation:
    """What a later step may see of a call."""
    text = "\n".join([*filter(None, [returned.text]), *(f"[image {name}]" for name in returned.images)])
    return Observation(called.tool, called.arguments, text, returned.failed)

"""One structured question a step: the answer, the tool, its arguments and the branch, in this order.

A model writes what it decides by before it decides. The branch is told before the tool is called, so a
decision that hangs on what a tool brings is a step of its own. A terminal step calls no tool: nobody would
see what it brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autoflow import prompts
from autoflow.language import Step, StepType
from autoflow.llm import Message, Role, Sampling
from autoflow.suites import Tool
from autoflow_interpreter.events import Outcome, Purpose
from autoflow_interpreter.journal import Journal
from autoflow_interpreter.limits import BoundedModel, Stopped
from autoflow_interpreter.memory import Memory, Observation
from autoflow_interpreter.protocols.base import CORRECTIONS, StepWork, told
from autoflow_interpreter.step_tools import ToolDesk

_FIELDS_TOKENS = 48
"""What the reply's form takes beside the answer."""
_ARGUMENTS_TOKENS = 512


def labels_of(step: Step) -> list[str]:
    """What a step's reply chooses from; empty where there is nothing to choose."""
    return [branch.label for branch in step.branches] if len(step.branches) > 1 else []


class FusedFrame:
    """Words steps for one structured reply each.

    Args:
        query: the task.
        plan_tools: what a plan may name.
        step_tools: what steps may call.
    """

    def __init__(self, query: str, plan_tools: Sequence[Tool], step_tools: Sequence[Tool]) -> None:
        self._query = query
        self._plan_tools = plan_tools
        self._step_tools = step_tools

    def opening(self, memory: str, step: Step) -> list[Message]:
        """See `Frame`."""
        return prompts.fused_opening(
            self._query, self._plan_tools, self._step_tools, self._turn(memory, step)
        )

    def following(self, step: Step, observation: Observation | None) -> Message:
        """See `Frame`."""
        turn = self._turn("", step)
        if observation is None:
            return Message(Role.USER, turn)
        seen = prompts.fused_observation(
            observation.tool, observation.arguments, observation.text, observation.failed
        )
        return Message(Role.USER, f"{seen}{turn}")

    def _turn(self, memory: str, step: Step) -> str:
        may_call = bool(self._step_tools) and step.type is not StepType.TERMINAL
        return prompts.fused_turn(memory, step.instruction, labels_of(step), may_call)


class Fused:
    """Carries steps out with one call each, and one more for each correction.

    Args:
        model: has the capability `json_schema` or `tools`.
        memory: what a step sees of the earlier ones; words steps by `FusedFrame`.
        desk: calls tools.
        journal: the execution's.
        sampling: of an answer.
        everything: whether the memory shows all that there is.
    """

    def __init__(
        self,
        model: BoundedModel,
        memory: Memory,
        desk: ToolDesk,
        journal: Journal,
        sampling: Sampling,
        *,
        everything: bool,
    ) -> None:
        self._model = model
        self._memory = memory
        self._desk = desk
        self._journal = journal
        self._sampling = sampling
        self._everything = everything

    async def carry_out(self, step: Step) -> StepWork:
        """See `StepProtocol`."""
        recalled = await self._memory.ask(step, self._model.to(Purpose.RECALL))
        told(step, recalled, self._journal, everything=self._everything)
        tools = () if step.type is StepType.TERMINAL else self._desk.tools
        reply, problem = await self._reply(step, recalled.messages, tools)
        observation = None
        if reply.tool is not None:
            observation = (
                self._desk.uncalled(step, reply.tool, reply.arguments, problem)
                if problem
                else await self._desk.call(step, reply.tool, reply.arguments)
            )
        return StepWork(reply.answer, reply.branch, observation)

    async def _reply(
        self, step: Step, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> tuple[prompts.StepReply, str]:
        """The model's reply, and what is wrong with its call of a tool past all corrections, if anything."""
        labels = labels_of(step)
        reply, with_tool = None, ""
        for attempt in range(1 + CORRECTIONS):
            said = await self._ask(messages, tools, labels)
            known = self._journal.refused_before()
            try:
                reply = prompts.read_step(said, tools, labels)
            except prompts.UnusableReply as error:
                problem = known or str(error)
            else:
                problem = with_tool = known or await self._problem(reply)
            if not problem:
                break
            if not known:
                self._journal.refused(Purpose.STEP, problem)
            if attempt < CORRECTIONS:
                messages = [*messages, Message(Role.ASSISTANT, said), prompts.step_again(problem)]
        if reply is None:
            raise Stopped(Outcome.UNREADABLE, f"the reply to {step.name!r} cannot be read: {problem}")
        return reply, with_tool

    async def _problem(self, reply: prompts.StepReply) -> str:
        return await self._desk.problem(reply.tool, reply.arguments) if reply.tool is not None else ""

    async def _ask(self, messages: Sequence[Message], tools: Sequence[Tool], labels: Sequence[str]) -> str:
        room = self._sampling.max_tokens + _FIELDS_TOKENS + (_ARGUMENTS_TOKENS if tools else 0)
        sampling = replace(self._sampling, max_tokens=room)
        model = self._model.to(Purpose.STEP)
        if model.capabilities.json_schema:
            return await model.complete(messages, sampling, prompts.step_schema(tools, labels))
        return await model.complete(messages, sampling, tools=(prompts.step_function(tools, labels),))

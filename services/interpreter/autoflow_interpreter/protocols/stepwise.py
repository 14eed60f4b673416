"""The protocol of the CoRE paper: one question for each part of a step (Xu et al., arXiv 2405.06907).

What earlier answers matter, the answer, whether a tool is needed, which, its arguments, and a summary of what
it brought, which is the step's answer then. Whether a tool is needed, and which, depends on the instruction
alone, so it is asked while the answer is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autoflow import prompts
from autoflow.concurrency import both
from autoflow.language import Step
from autoflow.llm import Message, Role, Sampling
from autoflow.suites import Tool
from autoflow_interpreter.asking import Unreadable, pick, pick_option
from autoflow_interpreter.events import Outcome, Purpose
from autoflow_interpreter.journal import Journal
from autoflow_interpreter.limits import BoundedModel, Stopped
from autoflow_interpreter.memory import Memory, Observation, Recollection
from autoflow_interpreter.protocols.base import CORRECTIONS, StepWork, told
from autoflow_interpreter.step_tools import ToolDesk

_ARGUMENTS_TOKENS = 512
_QUOTED_CHARS = 120


class PlainFrame:
    """Words steps in plain language.

    Args:
        query: the task.
        plan_tools: what a plan may name.
    """

    def __init__(self, query: str, plan_tools: Sequence[Tool]) -> None:
        self._query = query
        self._plan_tools = plan_tools

    def opening(self, memory: str, step: Step) -> list[Message]:
        """See `Frame`."""
        return prompts.recalling(self._query, self._plan_tools, memory, step.instruction)

    def following(self, step: Step, observation: Observation | None) -> Message:
        """See `Frame`; what a tool brought is in the answer."""
        return prompts.step(step.instruction)


class Stepwise:
    """Carries steps out question by question; the way out of a step is asked for by whoever calls.

    Args:
        query: the task.
        model: any.
        memory: what a step sees of the earlier ones; words steps by `PlainFrame`.
        desk: calls tools.
        journal: the execution's.
        sampling: of an answer.
        everything: whether the memory shows all that there is.
    """

    def __init__(
        self,
        query: str,
        model: BoundedModel,
        memory: Memory,
        desk: ToolDesk,
        journal: Journal,
        sampling: Sampling,
        *,
        everything: bool,
    ) -> None:
        self._query = query
        self._model = model
        self._memory = memory
        self._desk = desk
        self._journal = journal
        self._sampling = sampling
        self._everything = everything

    async def carry_out(self, step: Step) -> StepWork:
        """See `StepProtocol`."""
        if not self._desk.tools:
            return StepWork((await self._answer(step))[1])
        (recalled, answer), tool = await both(self._answer(step), self._tool_for(step))
        if tool is None:
            return StepWork(answer)
        observed = await self._observe(step, recalled, answer, tool)
        question = prompts.tool_summary(
            self._query,
            step.instruction,
            answer,
            observed.tool,
            observed.arguments,
            observed.text,
            observed.failed,
        )
        return StepWork(await self._model.to(Purpose.SUMMARY).complete(question, self._sampling))

    async def _answer(self, step: Step) -> tuple[Recollection, str]:
        recalled = await self._memory.ask(step, self._model.to(Purpose.RECALL))
        told(step, recalled, self._journal, everything=self._everything)
        return recalled, await self._model.to(Purpose.ANSWER).complete(recalled.messages, self._sampling)

    async def _tool_for(self, step: Step) -> Tool | None:
        """The tool that a step is to call; None where it needs none."""
        tools = self._desk.tools
        needed = prompts.tool_needed(self._query, step.instruction, tools)
        wanted = await pick(needed, prompts.TOOL_LABELS, self._model.to(Purpose.TOOL_NEEDED))
        if isinstance(wanted, Unreadable):
            raise _unreadable(step, "whether it needs a tool", wanted)
        if wanted != 0:
            return None
        if len(tools) == 1:
            return tools[0]
        question = prompts.tool_choice(self._query, step.instruction, tools)
        names = [tool.name for tool in tools]
        chosen = await pick_option(question, names, self._model.to(Purpose.TOOL_CHOICE))
        if isinstance(chosen, Unreadable):
            raise _unreadable(step, "which tool it needs", chosen)
        return tools[chosen]

    async def _observe(self, step: Step, recalled: Recollection, answer: str, tool: Tool) -> Observation:
        """What the tool brings, once the model has written arguments that it takes."""
        model = self._model.to(Purpose.ARGUMENTS)
        sampling = replace(self._sampling, max_tokens=max(self._sampling.max_tokens, _ARGUMENTS_TOKENS))
        question = prompts.tool_arguments(self._query, step.instruction, answer, recalled.earlier, tool)
        arguments, problem = "", ""
        for attempt in range(1 + CORRECTIONS):
            said = await model.complete(question, sampling)
            arguments = prompts.read_arguments(said)
            known = self._journal.refused_before()
            problem = known or await self._desk.problem(tool.name, arguments)
            if not problem:
                return await self._desk.call(step, tool.name, arguments)
            if not known:
                self._journal.refused(Purpose.ARGUMENTS, problem)
            if attempt < CORRECTIONS:
                question = [*question, Message(Role.ASSISTANT, said), prompts.arguments_again(problem)]
        return self._desk.uncalled(step, tool.name, arguments, problem)


def _unreadable(step: Step, what: str, reply: Unreadable) -> Stopped:
    said = reply.said[:_QUOTED_CHARS]
    return Stopped(Outcome.UNREADABLE, f"the model does not say of {step.name!r} {what}: {said!r}")

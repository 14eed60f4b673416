"""Executes workflows and plans: checks them, finds what they need, bounds how many run at once."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from autoflow.admission import Admission
from autoflow.errors import InvalidArgument
from autoflow.language import Diagnostic, Severity, Workflow, check
from autoflow.llm.catalogue import Catalogue
from autoflow.tools.model import Listed
from autoflow.tools.registry import Registry
from autoflow_interpreter.events import Recorded
from autoflow_interpreter.execution import ExecutionRequest, execute
from autoflow_interpreter.memory import Memory, MemorySettings, MemoryStrategy, Room, memory_for
from autoflow_interpreter.plan_execution import PlanExecutor, PlanResult, PlanTarget

_TOLD_DIAGNOSTICS = 3


class Interpreter:
    """The interpreter service without its wire.

    Args:
        catalogue: where models come from.
        plans: executes plans.
        tools: those that there are.
        executions: bounds the workflows that are under way, their plans included.
        plan_executions: bounds the plans that are under way without a workflow.
        memory: how much steps see of the earlier ones.
        now_ns: nanoseconds since the Unix epoch, for the events' times.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        plans: PlanExecutor,
        tools: Registry,
        *,
        executions: Admission,
        plan_executions: Admission,
        memory: MemorySettings | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._catalogue = catalogue
        self._plans = plans
        self._tools = tools
        self._executions = executions
        self._plan_executions = plan_executions
        self._memory = memory or MemorySettings()
        self._now_ns = now_ns

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Recorded, None]:
        """Executes and yields each event as it happens; the last holds `Finished`.

        Raises:
            InvalidArgument: the workflow has lint errors.
            FailedPrecondition: its plan is to be executed, and no tools are set up.
            ResourceExhausted: too many executions are under way, or a tool has too much to do.
            LanguageModelError: the model is unknown, nothing makes the embeddings that its memory needs, or a
                call failed.
            Unavailable: a tool cannot be reached.
        """
        workflow = _sound_workflow(request.source)
        if request.plan is not None:
            self._plans.check()
        with self._executions.enter():
            memory = await self._memory_of(request)
            model = await self._catalogue.get(request.model)
            sequence = 0
            async with aclosing(execute(workflow, request, model, memory, self._plans)) as events:
                async for event in events:
                    yield Recorded(sequence, self._now_ns(), event)
                    sequence += 1

    async def _memory_of(self, request: ExecutionRequest) -> Memory:
        context = self._catalogue.description(request.model).context_tokens
        wanted = request.memory is MemoryStrategy.EMBEDDING
        return memory_for(
            request.memory,
            request.query,
            request.tools,
            room=Room(self._memory.tokens, context, request.sampling.max_tokens),
            settings=self._memory,
            embedder=await self._catalogue.embedder(request.model) if wanted else None,
        )

    async def execute_plan(self, text: str, target: PlanTarget) -> PlanResult:
        """Executes a plan without a workflow; see `PlanExecutor.execute`.

        Raises:
            ResourceExhausted: also where too many plans are under way.
        """
        with self._plan_executions.enter():
            return await self._plans.execute(text, target)

    async def list_tools(self) -> tuple[Listed, ...]:
        """The sources of tools with what they have; see `Registry.list_tools`."""
        return await self._tools.list_tools()


def _sound_workflow(source: str) -> Workflow:
    checked = check(source)
    if checked.ok and checked.workflow is not None:
        return checked.workflow
    errors = [finding for finding in checked.diagnostics if finding.severity is Severity.ERROR]
    told = "; ".join(_in_words(error) for error in errors[:_TOLD_DIAGNOSTICS])
    more = f"; and {len(errors) - _TOLD_DIAGNOSTICS} more" if len(errors) > _TOLD_DIAGNOSTICS else ""
    raise InvalidArgument(
        "workflow.source", f"the workflow has errors: {told}{more}", fix="LintWorkflow lists every finding"
    )


def _in_words(finding: Diagnostic) -> str:
    place = f"line {finding.line}: " if finding.line else ""
    return f"{place}{finding.message} [{finding.code}]"

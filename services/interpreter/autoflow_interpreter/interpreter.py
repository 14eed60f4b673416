"""Executes workflows and plans: checks them, and finds what they need."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from autoflow import prompts
from autoflow.admission import Admission
from autoflow.errors import InvalidArgument, Unavailable
from autoflow.language import Workflow
from autoflow.llm import Embedder, LanguageModel
from autoflow.llm.catalogue import Catalogue
from autoflow.soundness import sound_workflow
from autoflow.suites import Tool
from autoflow.tools.model import Listed
from autoflow.tools.registry import Registry
from autoflow_interpreter.events import Finished, MemoryStrategy, PersonAsked, Protocol, Started
from autoflow_interpreter.execution import Execution, ExecutionRequest, Parts
from autoflow_interpreter.journal import Journal, Recorder
from autoflow_interpreter.limits import BoundedModel, Clock
from autoflow_interpreter.memory import Frame, Memory, MemorySettings, Room, memory_for
from autoflow_interpreter.past import Past
from autoflow_interpreter.plan_execution import PlanExecutor, PlanResult, PlanTarget
from autoflow_interpreter.protocols.base import StepProtocol
from autoflow_interpreter.protocols.fused import Fused, FusedFrame
from autoflow_interpreter.protocols.stepwise import PlainFrame, Stepwise
from autoflow_interpreter.step_tools import ToolDesk

_EVERY_TOOL = ("*",)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request, and all that it needs."""

    request: ExecutionRequest
    workflow: Workflow
    model: LanguageModel
    embedder: Embedder | None
    step_tools: tuple[Tool, ...]
    protocol: Protocol
    protocol_reason: str
    room: Room


class Interpreter:
    """The interpreter service without its wire, and without what is kept.

    Args:
        catalogue: where models come from.
        plans: executes plans.
        tools: those that there are.
        plan_executions: bounds the plans that are under way without a workflow.
        now: the time, aware.
        memory: how much steps see of the earlier ones.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        plans: PlanExecutor,
        tools: Registry,
        *,
        plan_executions: Admission,
        now: Callable[[], datetime],
        memory: MemorySettings | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._plans = plans
        self._tools = tools
        self._plan_executions = plan_executions
        self._now = now
        self._memory = memory or MemorySettings()

    async def prepare(self, request: ExecutionRequest, past: Past | None = None) -> Prepared:
        """Checks a request, and finds what it needs.

        Args:
            request: what is to be executed.
            past: what is known of an execution that goes on: it keeps its protocol, and the tools that it
                began with, as far as they are there.

        Raises:
            InvalidArgument: the workflow has lint errors, a tool for its steps is not there, or cost is
                limited and nobody knows what the model costs.
            FailedPrecondition: its plan is to be executed, and no tools are set up.
            LanguageModelError: the model is unknown, or nothing makes the embeddings that its memory needs.
            Unavailable: a source that may have a tool for its steps cannot be reached.
        """
        workflow = sound_workflow(request.source, "workflow.source")
        if request.plan is not None:
            self._plans.check()
        started = past.started if past else None
        description = self._catalogue.description(request.model)
        if started is None and description.prices is None and request.limits.max_cost_usd != math.inf:
            raise InvalidArgument(
                "limits.max_cost_usd",
                f"the catalogue has no prices of the model {request.model!r}, so the limit could do nothing",
                fix="state them there, or limit tokens or calls",
            )
        tools = await self._step_tools(request, started)
        wants_embedder = request.memory is MemoryStrategy.EMBEDDING
        embedder = await self._catalogue.embedder(request.model) if wants_embedder else None
        model = await self._catalogue.get(request.model)
        protocol, reason = _protocol(request.protocol, model)
        if started is not None:
            protocol, reason = started.protocol, started.protocol_reason
        tokens = request.memory_tokens or self._memory.tokens
        context = description.context_tokens
        room = Room(tokens, context, request.sampling.max_tokens)
        return Prepared(request, workflow, model, embedder, tools, protocol, reason, room)

    async def run(
        self, prepared: Prepared, execution_id: str, past: Past, recorder: Recorder
    ) -> Finished | PersonAsked:
        """Executes; see `Execution.run`."""
        request = prepared.request
        if past.started is None:
            names = tuple(tool.name for tool in prepared.step_tools)
            recorder.record(
                Started(
                    execution_id,
                    prepared.protocol,
                    prepared.protocol_reason,
                    prompts.VERSION,
                    request.memory,
                    names,
                    request.workflow_version,
                )
            )
        clock = Clock(request.limits.max_seconds, past.seconds)
        journal = Journal(recorder, past)
        model = BoundedModel(prepared.model, request.adapter, request.limits, clock, journal)
        desk = ToolDesk(self._tools, prepared.step_tools, execution_id, clock, journal)
        memory = self._memory_of(prepared)
        parts = Parts(
            model,
            memory,
            _carrier(prepared, model, memory, desk, journal),
            prepared.protocol is Protocol.FUSED,
            self._plans,
            clock,
            journal,
            self._now,
        )
        return await Execution(prepared.workflow, request, parts, past).run()

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

    async def _step_tools(self, request: ExecutionRequest, started: Started | None) -> tuple[Tool, ...]:
        """The tools that steps may call, sorted by name."""
        wanted = started.step_tools if started else request.step_tools
        if not wanted:
            return ()
        listed = await self._tools.list_tools()
        there = {tool.name: tool for source in listed for tool in source.tools if tool.arguments_schema}
        if wanted == _EVERY_TOOL:
            wanted = tuple(there)
        else:
            _require(wanted, there, listed, began=started is not None)
        return tuple(there[name] for name in sorted(wanted) if name in there)

    def _memory_of(self, prepared: Prepared) -> Memory:
        request = prepared.request
        frame: Frame = PlainFrame(request.query, request.tools)
        if prepared.protocol is Protocol.FUSED:
            frame = FusedFrame(request.query, request.tools, prepared.step_tools)
        return memory_for(
            request.memory,
            request.query,
            frame,
            room=prepared.room,
            settings=self._memory,
            embedder=prepared.embedder,
        )


def _carrier(
    prepared: Prepared, model: BoundedModel, memory: Memory, desk: ToolDesk, journal: Journal
) -> StepProtocol:
    request = prepared.request
    everything = request.memory is MemoryStrategy.APPEND
    if prepared.protocol is Protocol.FUSED:
        return Fused(model, memory, desk, journal, request.sampling, everything=everything)
    return Stepwise(request.query, model, memory, desk, journal, request.sampling, everything=everything)


def _protocol(wanted: Protocol | None, model: LanguageModel) -> tuple[Protocol, str]:
    """The protocol, and why it is not the one that is wanted."""
    if wanted is Protocol.STEPWISE:
        return wanted, ""
    if model.capabilities.json_schema or model.capabilities.tools:
        return Protocol.FUSED, ""
    reason = "the model states neither of the capabilities json_schema and tools"
    return Protocol.STEPWISE, reason if wanted else ""


def _require(
    wanted: tuple[str, ...], there: Mapping[str, Tool], listed: tuple[Listed, ...], *, began: bool
) -> None:
    """Refuses tools that are not there; an execution that began with them goes on without those that went."""
    for place, name in enumerate(wanted):
        if name in there:
            continue
        if any(source.unavailable for source in listed):
            raise Unavailable(f"no tool {name!r} is there, and a source that may have it cannot be reached")
        if began:
            continue
        raise InvalidArgument(
            f"step_tools[{place}]",
            f"no tool that takes arguments is named {name!r}",
            fix="ListTools lists those that there are",
        )

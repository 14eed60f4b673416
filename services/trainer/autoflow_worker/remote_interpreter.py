"""The interpreter, over gRPC: the protocol of `autoflow_worker.ports.Interpreter`.

The interpreter keeps executions, and knows one that is asked for again by the id of its request. These ids
follow from the run and from what is to be executed: a worker that takes over a run asks as the lost one did,
and what that had executed since its last commit is told once more, and not done once more. What was in flight
was cancelled with its caller and is done anew, under the next id. So is what failed; but a worker that comes
after an outage must not be told of failures alone, so after a few it has ids of its own.

Its errors are sorted in `autoflow_worker.sorted_errors`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from google.protobuf.duration_pb2 import Duration

from autoflow import prompts
from autoflow.client import InterpreterClient
from autoflow.client import errors as rpc
from autoflow.convert import tool_to_proto, usage_from_proto
from autoflow.errors import FailedPrecondition
from autoflow.language import check
from autoflow.suites import Task, TaskSuite
from autoflow.v1 import interpreter_service_pb2, model_pb2
from autoflow_worker import convert
from autoflow_worker.ports import CallFailed, Execution, Step, TimedOut, Workflow
from autoflow_worker.sorted_errors import sorted_errors

_EXECUTION_STEPS = 24
"""Three times the steps that a drawn workflow may have: room for its loops, not for endless ones."""
_STEP_SECONDS = 12.5
"""An execution whose steps take so long was starved; see `RemoteInterpreter`."""
_MOST_CANCELLED = 8
"""Cancellations of one execution that are passed over; one more is a failed call."""
_SHARED_FAILURES = 2
"""Failures of one execution after which the ids of its requests are the worker's own."""
_SLACK = 30
"""Seconds that a call has beyond the execution's own limit, which is the one that should end it."""


class RemoteInterpreter:
    """Executes workflows on one suite's tasks, greedily.

    An execution that runs into the limit on *time* counts as a failed call: how fast the model is has nothing
    to do with the workflow, and a reward must not depend on what else the machine was doing. All other limits
    are the workflow's own doing.

    Args:
        client: of the interpreter.
        model: the model that executes.
        adapter: of that model; empty for none.
        suite: its tools are what answers may name and steps may call; it says what an execution may take.
        temperature: of the draw of tokens; 0 is greedy.
        max_cost_usd: what an execution may cost; 0: anything. An interpreter that does not know what its
            model costs refuses any limit.
        run: whose executions they are; empty: of nobody, and each is done by itself.
    """

    def __init__(
        self,
        client: InterpreterClient,
        model: str,
        adapter: str,
        suite: TaskSuite,
        *,
        temperature: float = 0.0,
        max_cost_usd: float = 0.0,
        run: str = "",
    ) -> None:
        self._client = client
        self._max_cost_usd = max_cost_usd
        self._run = run
        self._worker = uuid.uuid4().hex
        self._tries: defaultdict[bytes, _Tries] = defaultdict(_Tries)
        allowed = suite.allowance
        steps = allowed.steps or _EXECUTION_STEPS
        self._template = interpreter_service_pb2.ExecuteWorkflowRequest(
            tools=map(tool_to_proto, suite.plan_tools),
            step_tools=[tool.name for tool in suite.step_tools],
            model=model_pb2.ModelRef(model=model, adapter=adapter),
            memory=interpreter_service_pb2.MEMORY_STRATEGY_APPEND,
            limits=interpreter_service_pb2.ExecutionLimits(
                max_steps=steps,
                max_tokens=allowed.tokens,
                max_wall_time=Duration(seconds=int(steps * _STEP_SECONDS)),
            ),
        )
        # Set only where they are not the default: requests of before have the same digest.
        if allowed.answer_tokens:
            self._template.sampling.max_tokens = allowed.answer_tokens
        if temperature:
            self._template.sampling.temperature = temperature

    @property
    def identity(self) -> str:
        """Everything but workflow, task and seed that decides an execution, as far as it is asked for.

        What is left to the interpreter is not in it: which protocol is the best that the model can.
        """
        model = self._template.model
        request = hashlib.sha256(self._template.SerializeToString(deterministic=True)).hexdigest()
        return f"{model.model} {model.adapter or '-'} prompts={prompts.VERSION} request={request}"

    async def execute(self, workflow: Workflow, task: Task, *, seed: int = 0) -> Execution:
        """Executes a workflow on a task; see `autoflow_worker.ports.Interpreter`."""
        request = interpreter_service_pb2.ExecuteWorkflowRequest()
        request.CopyFrom(self._template)
        request.workflow.source = workflow.text
        request.query = task.query
        if seed:
            request.sampling.seed = seed
        if self._max_cost_usd:
            # Not of the identity: it decides nothing but when to stop paying.
            request.limits.max_cost_usd = self._max_cost_usd
        key = hashlib.sha256(request.SerializeToString(deterministic=True) + task.digest.encode()).digest()
        tries = self._tries[key]
        while True:
            request.request_id = self._request_id(key, tries)
            try:
                return await self._execute(request, _Trace(workflow))
            except _Cancelled:
                if tries.cancelled < _MOST_CANCELLED:
                    tries.cancelled += 1
                    continue
                tries.failed += 1
                raise
            except CallFailed:
                tries.failed += 1
                raise

    async def _execute(
        self, request: interpreter_service_pb2.ExecuteWorkflowRequest, trace: _Trace
    ) -> Execution:
        seconds = request.limits.max_wall_time.seconds + _SLACK
        with sorted_errors("interpreter"), _with_tools(request.step_tools), _cancelled():
            async with aclosing(self._client.execute_workflow(request, timeout=seconds)) as events:
                async for event in events:
                    trace.add(event)
        if trace.finished is None:
            raise CallFailed("the execution's stream ended before the execution did")
        if trace.finished.outcome == interpreter_service_pb2.EXECUTION_OUTCOME_TIME_LIMIT:
            raise TimedOut("the execution ran out of time", usage_from_proto(trace.finished.usage))
        return convert.execution_from_proto(trace.finished, seconds=trace.seconds, steps=trace.steps)

    def _request_id(self, key: bytes, tries: _Tries) -> str:
        if not self._run:
            return ""
        worker = self._worker if tries.failed >= _SHARED_FAILURES else ""
        named = f"{self._run} {key.hex()} {tries.cancelled} {tries.failed} {worker}"
        return hashlib.sha256(named.encode()).hexdigest()


@dataclass(slots=True)
class _Tries:
    """How often one execution came to nothing."""

    cancelled: int = 0
    failed: int = 0


class _Cancelled(CallFailed):
    """The execution was cancelled, for its caller was gone."""


@contextmanager
def _cancelled() -> Iterator[None]:
    try:
        yield
    except rpc.Cancelled as error:
        raise _Cancelled("the execution was cancelled") from error


@contextmanager
def _with_tools(names: Sequence[str]) -> Iterator[None]:
    """Says what to do where the interpreter has not all the tools that steps may call.

    Raises:
        FailedPrecondition: it lacks one; no other try will find it.
    """
    try:
        yield
    except rpc.InvalidArgument as error:
        fields = {violation.field for violation in error.details.violations}
        for place, name in enumerate(names):
            if f"step_tools[{place}]" in fields:
                advice = "name a source that has it in the file of its AUTOFLOW_TOOLS_FILE"
                raise FailedPrecondition(
                    f"the interpreter has no tool {name!r}, which the suite's workflows call; {advice}"
                ) from error
        raise


class _Trace:
    """What an execution tells of itself, event by event."""

    def __init__(self, workflow: Workflow) -> None:
        parsed = check(workflow.text).workflow
        self._instructions = {step.name: step.instruction for step in parsed.steps} if parsed else {}
        self._steps: list[Step] = []
        self._times: list[datetime] = []
        self.finished: interpreter_service_pb2.ExecutionFinished | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that have begun."""
        return tuple(self._steps)

    @property
    def seconds(self) -> float:
        """How long it took, by the clock of the interpreter, also where it is told once more."""
        return (self._times[-1] - self._times[0]).total_seconds() if self._times else 0.0

    def add(self, event: interpreter_service_pb2.ExecutionEvent) -> None:
        """Takes an event in."""
        self._times.append(event.time.ToDatetime())
        match event.WhichOneof("event"):
            case "step_started":
                name = event.step_started.step
                self._steps.append(Step(name, self._instructions.get(name, "")))
            case "step_answered":
                self._change(answer=event.step_answered.answer)
            case "tool_called":
                self._change(tool=event.tool_called.tool, tool_input=event.tool_called.arguments)
            case "tool_returned":
                self._change(tool_output=event.tool_returned.output or event.tool_returned.failure)
            case "finished":
                self.finished = event.finished

    def _change(self, **values: str) -> None:
        if self._steps:
            self._steps[-1] = replace(self._steps[-1], **values)

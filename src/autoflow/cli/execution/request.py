"""What is asked of an interpreter, from the words of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from google.protobuf.duration_pb2 import Duration

from autoflow.cli.execution.contents import PlanFiles
from autoflow.convert import tool_to_proto
from autoflow.language import Workflow
from autoflow.suites import load_suite
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import model_pb2, workflow_pb2

Memory: TypeAlias = Literal["append", "traverse", "direct", "embedding"]
Protocol: TypeAlias = Literal["stepwise", "fused"]
Disconnect: TypeAlias = Literal["cancel", "continue"]

_SLACK = 30.0
"""Seconds that a call has beyond the execution's own limit, which is the one that should end it."""
_ASK = "[ask]"
"""An instruction that begins so is a question for a person."""
_ASK_SECONDS = 86_400.0
"""That a person is waited for unless the command line says otherwise; an interpreter's own default, too."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to execute."""

    model: str
    """A name of the interpreter's catalogue."""
    suite: str | None
    """Its tools are named to the model; None names none."""
    temperature: float
    seed: int
    max_steps: int
    seconds: float
    memory: Memory = "append"
    """What a step sees of the earlier ones."""
    plan: PlanFiles | None = None
    """What the answer's plan is executed on; None where the answer is all that is wanted."""
    protocol: Protocol | None = None
    """How a step is put to the model; None for what suits the model."""
    step_tools: tuple[str, ...] = ()
    """The tools that steps may call; `*` alone: all."""
    max_calls: int = 0
    """0: the interpreter's own limit; so for the tokens of the memory."""
    max_usd: float = 0.0
    """0: no limit."""
    memory_tokens: int = 0
    ask_seconds: float = _ASK_SECONDS
    """For how long each question waits for a person."""
    on_disconnect: Disconnect = "cancel"
    request_id: str = ""
    """Empty: a fresh one."""

    def patience(self, workflow: Workflow | None) -> float:
        """Seconds that an execution may take, those for each question to a person included.

        Args:
            workflow: what is executed; None where only its name is known.
        """
        if workflow is None:
            return self.seconds + _SLACK + self.ask_seconds
        asking = sum(step.instruction.startswith(_ASK) for step in workflow.steps)
        return self.seconds + _SLACK + asking * self.ask_seconds


def request_of(source: str, query: str, options: Options, version: str = "") -> pb.ExecuteWorkflowRequest:
    """The request.

    Args:
        source: the workflow's text.
        query: the task.
        options: how.
        version: the name of a registered workflow, in place of a text.

    Raises:
        CommandFailed: an input of the plan cannot be read.
        NotFound: there is no such suite.
    """
    tools = load_suite(options.suite).plan_tools if options.suite is not None else ()
    return pb.ExecuteWorkflowRequest(
        # A field of a message holds no lone surrogates; the linter has remarked on them.
        workflow=None if version else workflow_pb2.Workflow(source=source.encode(errors="replace").decode()),
        workflow_version=version,
        query=query.encode(errors="replace").decode(),
        tools=[tool_to_proto(tool) for tool in tools],
        model=model_pb2.ModelRef(model=options.model),
        sampling=model_pb2.SamplingParams(temperature=options.temperature, seed=options.seed),
        memory=pb.MemoryStrategy.Value(f"MEMORY_STRATEGY_{options.memory.upper()}"),
        limits=_limits(options),
        plan=None if options.plan is None else options.plan.target(),
        protocol=_protocol(options.protocol),
        step_tools=options.step_tools,
        request_id=options.request_id,
        on_disconnect=pb.DisconnectPolicy.Value(f"DISCONNECT_POLICY_{options.on_disconnect.upper()}"),
        max_memory_tokens=options.memory_tokens,
        ask_timeout=_duration(options.ask_seconds),
    )


def _limits(options: Options) -> pb.ExecutionLimits:
    return pb.ExecutionLimits(
        max_steps=options.max_steps,
        max_wall_time=_duration(options.seconds),
        max_calls=options.max_calls,
        max_cost_usd=options.max_usd,
    )


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration


def _protocol(word: Protocol | None) -> pb.ExecutionProtocol.ValueType:
    if word is None:
        return pb.EXECUTION_PROTOCOL_UNSPECIFIED
    return pb.ExecutionProtocol.Value(f"EXECUTION_PROTOCOL_{word.upper()}")

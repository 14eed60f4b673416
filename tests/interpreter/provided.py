"""Providers of tools for tests of plans, and requests to go with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autoflow.client import RetrySettings
from autoflow.suites import Content, ContentType, Tool
from autoflow.testing import ScriptedTools, answer_each
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import task_pb2
from autoflow.v1 import tool_service_pb2 as tools_pb

IMPATIENT = RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.01)
"""For a client that is to see soon what an interpreter says of its providers."""
CORE = frozenset({"step_started", "step_answered", "branch_taken", "plan_executed", "finished"})
IMAGE, TEXT = ContentType.IMAGE, ContentType.TEXT
LOUDER = Tool("Louder", "makes a text louder", (TEXT,), TEXT)
SOFTER = Tool("Softer", "makes a text softer", (TEXT,), TEXT)
DRAW = Tool("Draw", "draws a text", (TEXT,), IMAGE)


def provider(name: str, *tools: Tool) -> ScriptedTools:
    """Marks what its tools have done with its own name; of silence nothing comes."""

    def work(tool: str, inputs: Sequence[Content]) -> Content | None:
        if inputs[0] == "silence":
            return None
        done = f"{name}: {inputs[0]!s}!"
        return done.encode() if tool == DRAW.name else done

    return ScriptedTools(tools, answer_each(work))


def samples(*texts: str) -> list[tools_pb.ToolSample]:
    """One sample of each text."""
    return [tools_pb.ToolSample(inputs=[task_pb2.Content(text=text)]) for text in texts]


def request(
    plan: str, *texts: str, output: task_pb2.ContentType.ValueType = task_pb2.CONTENT_TYPE_TEXT
) -> pb.ExecutePlanRequest:
    """Asks for a plan on texts."""
    return pb.ExecutePlanRequest(plan=plan, samples=samples(*texts), output=output)


def core(events: Iterable[pb.ExecutionEvent]) -> list[pb.ExecutionEvent]:
    """The events that say what happened to steps, without those that say what led to it."""
    return [event for event in events if event.WhichOneof("event") in CORE]

"""What happens in an execution that has everything that a trace can tell."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from google.protobuf.timestamp_pb2 import Timestamp

from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.model_pb2 import ModelRef, TokenUsage
from autoflow.v1.workflow_pb2 import Workflow

WORKFLOW = """\
Step 1:::process:::Find a flight.:::next::Step 2
Step 2:::decision:::[ask] Is it cheap enough?:::Yes::Step 3::No::Step 1
Step 3:::terminal:::Write the plan.
"""
REQUEST = pb.ExecuteWorkflowRequest(
    workflow=Workflow(source=WORKFLOW),
    query="Plan three days in Ghent for two.",
    model=ModelRef(model="scripted"),
    step_tools=["*"],
    max_memory_tokens=4000,
)
LONG = "flight " * 200
FINISHED = pb.ExecutionFinished(
    outcome=pb.EXECUTION_OUTCOME_ANSWERED,
    answer="Take the train.",
    steps=5,
    usage=TokenUsage(llm_calls=4, prompt_tokens=1900, completion_tokens=120, cost_usd=0.0123),
    tool_calls=2,
    failed_tool_calls=1,
    refused_replies=1,
    resumptions=1,
)


def called(
    step: str, purpose: pb.CallPurpose.ValueType = pb.CALL_PURPOSE_STEP, **usage: int
) -> pb.ExecutionEvent:
    spent = TokenUsage(llm_calls=1, prompt_tokens=500, completion_tokens=20, **usage)
    called = pb.ModelCalled(step=step, purpose=purpose, reply='{"answer": "drawn"}', usage=spent)
    return pb.ExecutionEvent(model_called=called)


def step(name: str, before: int) -> pb.ExecutionEvent:
    return pb.ExecutionEvent(step_started=pb.StepStarted(step=name, executed_before=before))


def tool(step: str, number: int, attempt: int = 1) -> pb.ExecutionEvent:
    return pb.ExecutionEvent(
        tool_called=pb.ToolCalled(
            step=step,
            tool="flights",
            arguments='{"to": "Ghent"}',
            call_id=f"call-{number}",
            attempt=attempt,
        )
    )


def answered(step: str, answer: str) -> pb.ExecutionEvent:
    return pb.ExecutionEvent(step_answered=pb.StepAnswered(step=step, answer=answer))


def asked(options: bool = True) -> pb.ExecutionEvent:
    person = pb.PersonAsked(
        step="Step 2",
        question="Is it cheap enough?",
        options=["Yes", "No"] if options else [],
        deadline=Timestamp(seconds=1_800_000_000),
    )
    return pb.ExecutionEvent(person_asked=person)


def recalled(shown: list[str], cut: list[str], unread: list[str]) -> pb.ExecutionEvent:
    told = pb.MemoryRecalled(step="Step 1", shown=shown, cut=cut, unread=unread)
    return pb.ExecutionEvent(memory_recalled=told)


def branch(step: str, label: str, target: str) -> pb.ExecutionEvent:
    return pb.ExecutionEvent(branch_taken=pb.BranchTaken(step=step, label=label, target=target))


async def everything(request: pb.ExecuteWorkflowRequest) -> AsyncGenerator[pb.ExecutionEvent, str]:
    """A loop, tools, a refused reply, a person who is asked, and a server that is lost."""
    yield step("Step 1", 0)
    yield called("Step 1")
    refused = pb.ReplyRefused(step="Step 1", purpose=pb.CALL_PURPOSE_STEP, problem="it is \x1b[2J no JSON")
    yield pb.ExecutionEvent(reply_refused=refused)
    yield called("Step 1", cached_prompt_tokens=400)
    yield tool("Step 1", 1)
    yield pb.ExecutionEvent(resumed=pb.ExecutionResumed(resumption=1))
    yield tool("Step 1", 1, attempt=2)
    failure = pb.ToolReturned(step="Step 1", call_id="call-1", failure="no such city")
    yield pb.ExecutionEvent(tool_returned=failure)
    yield answered("Step 1", "There is none.")
    yield branch("Step 1", "next", "Step 2")
    yield step("Step 2", 1)
    reply = yield asked()
    yield answered("Step 2", reply)
    yield branch("Step 2", reply, "Step 1")
    yield step("Step 1", 2)
    yield recalled(["Step 1 #1"], ["Step 2 #1"], ["Step 1 #2"])
    yield called("Step 1")
    yield tool("Step 1", 2)
    output = pb.ToolReturned(step="Step 1", call_id="call-2", output=LONG, images=["sha256:00"])
    yield pb.ExecutionEvent(tool_returned=output)
    yield answered("Step 1", "A train.")
    yield branch("Step 1", "next", "Step 2")
    yield step("Step 2", 3)
    reply = yield asked(options=False)
    yield answered("Step 2", reply)
    yield branch("Step 2", reply, "Step 3")
    yield pb.ExecutionEvent()
    yield step("Step 3", 4)
    yield called("Step 3", pb.CALL_PURPOSE_ANSWER)
    yield answered("Step 3", FINISHED.answer)
    yield pb.ExecutionEvent(finished=FINISHED)

"""Plans a trip by the workflow of the suite `travel`, and scores the plan (docs/travel.md).

`autoflow up` must be running, with the tools of the suite in the file that AUTOFLOW_TOOLS_FILE names.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration

from autoflow.client import Client
from autoflow.suites import Split, workflow_text
from autoflow.suites.travel import ALLOWANCE, travel_suite
from autoflow.v1.interpreter_service_pb2 import (
    EXECUTION_PROTOCOL_FUSED,
    ExecuteWorkflowRequest,
    ExecutionEvent,
    ExecutionLimits,
    ExecutionProtocol,
)
from autoflow.v1.model_pb2 import ModelRef, SamplingParams
from autoflow.v1.workflow_pb2 import Workflow


async def main(
    task_id: str,
    model: str,
    address: str = "127.0.0.1:50052",
    protocol: ExecutionProtocol.ValueType = EXECUTION_PROTOCOL_FUSED,
) -> float:
    """Executes the workflow, tells what happens, and returns the reward."""
    suite = travel_suite()
    task = next(task for split in Split for task in suite.tasks(split) if task.id == task_id)
    print(task.query)
    request = ExecuteWorkflowRequest(
        workflow=Workflow(source=workflow_text("travel")),
        query=suite.asked(task),
        model=ModelRef(model=model),
        step_tools=[tool.name for tool in suite.tools],
        protocol=protocol,
        sampling=SamplingParams(max_tokens=ALLOWANCE.answer_tokens),
        limits=ExecutionLimits(
            max_steps=ALLOWANCE.steps, max_tokens=ALLOWANCE.tokens, max_wall_time=Duration(seconds=3600)
        ),
    )
    async with Client(interpreter=address) as client:
        async for event in client.interpreter.execute_workflow(request):
            for line in told(event):
                print(line)
    score = suite.score(task, event.finished.answer)
    print(f"{event.finished.steps} steps, {event.finished.tool_calls} calls of tools")
    for verdict in score.verdicts:
        print(f"{verdict.kind}, {verdict.constraint}: {verdict.reason or 'holds'}")
    print(f"reward {score.reward:.3f}")
    return score.reward


def told(event: ExecutionEvent) -> Iterator[str]:
    """What a person is told of an event."""
    if event.HasField("step_answered"):
        yield f"{event.step_answered.step}: {event.step_answered.answer}"
    if event.HasField("tool_called"):
        yield f"  {event.tool_called.tool} {event.tool_called.arguments}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="3-days.easy.train/1")
    parser.add_argument("--model", default="gpt-5-mini")
    given = parser.parse_args()
    asyncio.run(main(given.task, given.model))

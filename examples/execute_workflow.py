"""Executes a workflow on a task and prints what happens; `autoflow up` must be running."""

from __future__ import annotations

import asyncio

from autoflow.client import Client
from autoflow.suites import workflow_text
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.workflow_pb2 import Workflow


async def main(address: str = "127.0.0.1:50052") -> None:
    """Streams one execution from the interpreter at `address`."""
    request = ExecuteWorkflowRequest(
        workflow=Workflow(source=workflow_text("expert")),
        query="I have a blurry, noisy photo. I want a caption in German.",
        model=ModelRef(model="embedded"),
    )
    async with Client(interpreter=address) as client:
        async for event in client.interpreter.execute_workflow(request):
            if event.HasField("step_answered"):
                print(f"{event.step_answered.step}: {event.step_answered.answer}")
    print(f"Answer: {event.finished.answer}")


if __name__ == "__main__":
    asyncio.run(main())

"""What tests of the generator share: requests, and what came of them."""

from __future__ import annotations

from autoflow.client.generator import GeneratorClient
from autoflow.v1 import generator_service_pb2 as pb
from autoflow.v1 import model_pb2, workflow_pb2

WORKFLOW = "Step 1:::process:::Name the input:::next::Step 2\nStep 2:::terminal:::Give the plan\n"
OTHER = "Step 1:::process:::Name the output:::next::Step 2\nStep 2:::terminal:::Give the plan\n"
GOAL = "Plan which models to run"


def attempt(source: str, verdict: float | str = 0.5, *failures: pb.StepFailure) -> pb.Attempt:
    """A workflow that was written before."""
    workflow = workflow_pb2.Workflow(source=source)
    if isinstance(verdict, str):
        return pb.Attempt(workflow=workflow, error=verdict, failures=failures)
    return pb.Attempt(workflow=workflow, score=verdict, failures=failures)


def refinement(
    *attempts: pb.Attempt, count: int = 1, model: str = "scripted", **fields: object
) -> pb.RefineWorkflowRequest:
    """A request for successors; keywords are fields of the request."""
    return pb.RefineWorkflowRequest(
        model=model_pb2.ModelRef(model=model),
        goal=GOAL,
        attempts=attempts,
        count=count,
        **fields,  # type: ignore[arg-type]
    )


async def generated(
    client: GeneratorClient, request: pb.GenerateWorkflowsRequest
) -> tuple[pb.GenerationStarted, list[pb.Candidate]]:
    """What came of a request for candidates, by their index."""
    started, *others = [message async for message in client.generate_workflows(request)]
    return started.started, sorted((each.candidate for each in others), key=lambda each: each.index)


async def refined(
    client: GeneratorClient, request: pb.RefineWorkflowRequest
) -> tuple[pb.GenerationStarted, list[pb.Candidate]]:
    """What came of a request for successors, by their index."""
    started, *others = [message async for message in client.refine_workflow(request)]
    assert started.WhichOneof("event") == "started"
    assert {each.WhichOneof("event") for each in others} == {"candidate"}
    return started.started, sorted((each.candidate for each in others), key=lambda each: each.index)

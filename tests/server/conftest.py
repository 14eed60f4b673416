from __future__ import annotations

import pytest

from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScorePair
from autoflow.v1.task_pb2 import CONTENT_TYPE_IMAGE, CONTENT_TYPE_TEXT, Content, Plan, PlanReference, Tool
from autoflow.v1.workflow_pb2 import Workflow


@pytest.fixture
def score_request() -> ScoreOutputsRequest:
    """A request that keeps to all rules."""
    captioning = Tool(name="Image Captioning", inputs=[CONTENT_TYPE_IMAGE], output=CONTENT_TYPE_TEXT)
    reference = PlanReference(
        tools=[captioning],
        inputs=[CONTENT_TYPE_IMAGE],
        output=CONTENT_TYPE_TEXT,
        accepted=[Plan(tools=["Image Captioning"])],
    )
    return ScoreOutputsRequest(
        pairs=[ScorePair(output=Content(text="a private text"), plan=reference)], metrics=["plan_f1"]
    )


@pytest.fixture
def execute_request() -> ExecuteWorkflowRequest:
    """A request that keeps to all rules."""
    return ExecuteWorkflowRequest(
        workflow=Workflow(source="Step 1:::terminal:::Answer."), query="q", model=ModelRef(model="m")
    )

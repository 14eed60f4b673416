"""How steps are put to the model: what is asked for, what the model can do, and what is told."""

from __future__ import annotations

import pytest

from autoflow.llm import Capabilities
from autoflow.testing import ScriptedModel
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.interpreter.kept.servers import TWO_STEPS, Request, events_of, server
from tests.interpreter.kept.tool_users import FUSED, STEPWISE

ANY = pb.EXECUTION_PROTOCOL_UNSPECIFIED
SCHEMAS, NOTHING = Capabilities(json_schema=True), Capabilities()


@pytest.mark.parametrize(
    ("wanted", "capabilities", "taken", "told"),
    [
        (ANY, SCHEMAS, FUSED, ""),
        (ANY, NOTHING, STEPWISE, ""),
        (STEPWISE, SCHEMAS, STEPWISE, ""),
        (FUSED, SCHEMAS, FUSED, ""),
        (FUSED, NOTHING, STEPWISE, "the model states neither of the capabilities json_schema and tools"),
    ],
)
async def test_the_first_event_says_which_and_why(
    url: str,
    request_for: Request,
    wanted: pb.ExecutionProtocol.ValueType,
    capabilities: Capabilities,
    taken: pb.ExecutionProtocol.ValueType,
    told: str,
) -> None:
    model = ScriptedModel(lambda messages: '{"answer": "a plan"}', capabilities=capabilities)
    async with server(url, model) as one:
        events = await events_of(one.execute(request_for(TWO_STEPS, protocol=wanted)))

    started = events[0].started
    assert (started.protocol, started.protocol_reason) == (taken, told)
    assert started.prompt_version
    assert started.memory == pb.MEMORY_STRATEGY_APPEND
    assert {call.constraint is not None for call in model.calls} == {taken == FUSED}
    purposes = {event.model_called.purpose for event in events if event.HasField("model_called")}
    assert purposes == {pb.CALL_PURPOSE_STEP if taken == FUSED else pb.CALL_PURPOSE_ANSWER}
    assert events[-1].finished.answer == ("a plan" if taken == FUSED else '{"answer": "a plan"}')

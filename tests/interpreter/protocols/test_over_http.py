"""What the protocols agree on, with all that a service has: an endpoint, tools, a database, a client."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path

import pytest

from autoflow.client import Client
from autoflow.testing import serving
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow_interpreter import build
from tests.interpreter.protocols.executing import expected_calls
from tests.interpreter.world import FUNCTIONS, SCHEMAS, request_for, surroundings

SHAPE = Shape(max_steps=8, tools=("add", "book", "weather"), fault_share=0.3)
SCRIPTS = [ScriptedWorkflow.drawn(seed, SHAPE) for seed in (0, 11)]


@pytest.mark.parametrize("model", [SCHEMAS, FUNCTIONS])
@pytest.mark.parametrize("protocol", [pb.EXECUTION_PROTOCOL_FUSED, pb.EXECUTION_PROTOCOL_STEPWISE])
async def test_workflows_go_the_same_way(
    tmp_path: Path, model: str, protocol: pb.ExecutionProtocol.ValueType
) -> None:
    async with (
        surroundings(SCRIPTS, tmp_path) as (chat, tools, env),
        serving(build(env)) as address,
        Client(interpreter=address) as client,
    ):
        for script in SCRIPTS:
            tools.asked.clear()
            chat.asked.clear()
            request = request_for(script, protocol, model=model)
            async with aclosing(client.interpreter.execute_workflow(request)) as stream:
                events = [event async for event in stream]

            assert events[0].started.protocol == protocol
            finished = events[-1].finished
            assert finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
            taken = [event.branch_taken for event in events if event.HasField("branch_taken")]
            assert [(each.step, each.label) for each in taken] == [
                (move.step, move.label) for move in script.path[:-1]
            ]
            assert finished.answer == script.path[-1].answer
            called = [event.tool_called for event in events if event.HasField("tool_called")]
            brought = [event.tool_returned.output for event in events if event.HasField("tool_returned")]
            assert [
                (each.step, each.tool, json.loads(each.arguments), output)
                for each, output in zip(called, brought, strict=True)
            ] == expected_calls(script.path)
            assert [(asked.tool, asked.call_id) for asked in tools.asked] == [
                (each.tool, each.call_id) for each in called
            ]
            assert finished.usage.llm_calls == len(chat.asked)

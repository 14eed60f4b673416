"""A server that is killed: what was seen is kept, and another goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc

from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.interpreter.kept.servers import Server, begun, events_of, kinds, server, store_of, told
from tests.interpreter.protocols.executing import model_of
from tests.interpreter.world import SCHEMAS, request_for, world

SHAPE = Shape(max_steps=8, tools=("add",), tool_share=0.5)
FUSED = pb.EXECUTION_PROTOCOL_FUSED
GOES_ON = pb.DISCONNECT_POLICY_CONTINUE


async def test_what_was_seen_is_kept_and_watchers_elsewhere_see_every_event_once(tmp_path: Path) -> None:
    script = ScriptedWorkflow.drawn(3, SHAPE)
    url = f"sqlite+aiosqlite:///{tmp_path / 'interpreter.db'}"
    async with (
        world([script], tmp_path, seconds=0.02, interpreter_lease_seconds=1.5) as lost,
        grpc.aio.insecure_channel(lost.process.address) as channel,
        server(url, model_of(script, name=SCHEMAS), tools=[lost.tools.server]) as other,
    ):
        one = Server(lost.process.address, channel)
        calls = [one.execute(request_for(script, FUSED)) for _ in range(12)]
        names = [await begun(call) for call in calls]
        watching = [asyncio.create_task(events_of(other.watch(name))) for name in names]
        reading = [asyncio.create_task(told(call)) for call in calls]
        await events_of(one.watch(names[-1]), 6)
        await lost.kill()
        seen = [(await task)[0] for task in reading]
        async with store_of(url) as store:
            ids = [name.removeprefix("executions/") for name in names]
            kept = [await store.events(each, 0, 999) for each in ids]
        watched = [await task for task in watching]
        executions = [await other.get(name) for name in names]

    for events, stored, everything, execution in zip(seen, kept, watched, executions, strict=True):
        # The first event was read apart.
        assert len(events) < len(stored)
        assert everything[1 : len(events) + 1] == events
        assert [event.sequence for event in everything] == list(range(execution.events))
        assert kinds(everything)[-1] == "finished"
        assert execution.finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
        assert kinds(everything).count("resumed") == execution.resumptions
    assert any(execution.resumptions == 1 for execution in executions)
    answers = {event.finished.answer for everything in watched for event in everything[-1:]}
    assert len(answers) == 1

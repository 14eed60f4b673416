"""A database that stays away for longer than anybody waits, or whose disk is full."""

from __future__ import annotations

import resource
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from autoflow.client import errors
from autoflow.testing import GatedModel
from autoflow.testing.processes import service_process
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.databases import PostgresServer
from tests.interpreter.kept.servers import (
    ONE_STEP,
    TWO_STEPS,
    Request,
    Server,
    begun,
    events_of,
    kinds,
    server,
    told,
    until,
)
from tests.interpreter.kept.test_database_away import Away
from tests.interpreter.world import Pace, surroundings
from tests.interpreter.world import request_for as request_of

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
PATIENCE = 0.5
SCRIPT = ScriptedWorkflow.drawn(3, Shape(max_steps=8))


async def until_health(channel: grpc.aio.Channel, status: int) -> None:
    stub = health_pb2_grpc.HealthStub(channel)

    async def says_so() -> bool:
        answer = await stub.Check(health_pb2.HealthCheckRequest())
        return bool(answer.status == status)

    await until(says_so)


async def test_callers_are_told_and_it_serves_again(postgres: PostgresServer, request_for: Request) -> None:
    database, model = Away(postgres), GatedModel(lambda messages: "a plan")
    async with (
        server(database.url, model, interpreter_store_seconds=PATIENCE) as one,
        grpc.aio.insecure_channel(one.address) as channel,
    ):
        call = one.execute(request_for(TWO_STEPS, model="gated"))
        name = await begun(call)
        watching = one.watch(name, 1)
        await model.until(calls=1)
        await until_health(channel, SERVING)
        database.cut()
        model.let_through(0)
        for stream in (call, watching, one.watch(name), one.execute(request_for(ONE_STEP, model="gated"))):
            events, error = await told(stream)
            assert isinstance(error, errors.Unavailable), error
            assert "finished" not in kinds(events)
        for asking in (one.get(name), one.page(), one.cancel(name), one.answer(name, 1, "yes")):
            with pytest.raises(errors.Unavailable):
                await asking
        await until_health(channel, NOT_SERVING)
        assert len(model.calls) == 1

        database.back()
        await until_health(channel, SERVING)
        for number in (1, 2, 3):
            model.let_through(number)
        events = await events_of(one.watch(name))
        assert kinds(await events_of(one.execute(request_for(ONE_STEP, model="gated"))))[-1] == "finished"

    assert events[-1].finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    # What could not be stored was asked for once more, and nothing else.
    assert len(model.calls) == 1 + 2 + 1


async def test_a_full_disk_is_told_and_what_is_stored_can_be_read(tmp_path: Path) -> None:
    request = request_of(SCRIPT, pb.EXECUTION_PROTOCOL_FUSED)
    async with (
        surroundings(
            [SCRIPT],
            tmp_path,
            Pace(answer=0.05),
            interpreter_lease_seconds=1.5,
            interpreter_store_seconds=PATIENCE,
            health_interval=0.5,
        ) as (_, _, env),
        service_process("interpreter", env, tmp_path / "interpreter.log") as process,
        grpc.aio.insecure_channel(process.address) as channel,
    ):
        one = Server(process.address, channel)
        call = one.execute(request)
        name = await begun(call)
        unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        # No file of the process may be written to, as on a disk that is full.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, unlimited[1]))
        for stream in (call, one.execute(request)):
            _, error = await told(stream)
            assert isinstance(error, errors.Unavailable), error
        assert (await one.get(name)).state == pb.EXECUTION_STATE_RUNNING
        await until_health(channel, NOT_SERVING)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
        events = await events_of(one.watch(name))
        await until_health(channel, SERVING)

    assert [event.sequence for event in events] == list(range(len(events)))
    assert events[-1].finished.answer == SCRIPT.path[-1].answer

"""Executions of registered workflows, which are looked up once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autoflow.client import Client, errors
from autoflow.testing import GatedModel, ScriptedModel
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.workflow_pb2 import Workflow
from tests.generator.registry.requests import create, promote
from tests.generator.registry.servers import generator
from tests.interpreter.kept.servers import begun, events_of, rob, server

FIRST = "Step 1:::terminal:::Say one\n"
SECOND = "Step 1:::process:::Think:::next::Step 2\nStep 2:::terminal:::Say two\n"


def asked_for(version: str, **fields: object) -> pb.ExecuteWorkflowRequest:
    return pb.ExecuteWorkflowRequest(
        workflow_version=version,
        query="a task",
        model=ModelRef(model="gated"),
        **fields,  # type: ignore[arg-type]
    )


def model() -> ScriptedModel:
    return ScriptedModel(lambda messages: "an answer", name="gated")


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """A generator whose alias `planner@production` points at the first of two versions."""
    async with generator(f"sqlite+aiosqlite:///{tmp_path / 'generator.db'}") as found:
        async with Client(generator=found) as client:
            await create(client.registry, "planner", FIRST)
            await create(client.registry, "planner", SECOND)
            await promote(client.registry, "planner@1", 0)
        yield found


@pytest.mark.parametrize(
    ("name", "version", "steps"),
    [
        ("planner@production", 1, 1),
        ("workflows/planner@production", 1, 1),
        ("planner@1", 1, 1),
        ("planner@2", 2, 2),
        ("planner", 2, 2),
    ],
)
async def test_a_registered_workflow_is_executed(
    url: str, address: str, name: str, version: int, steps: int
) -> None:
    async with server(url, model(), generator_address=address) as one:
        events = await events_of(one.execute(asked_for(name)))
        kept = await one.get(events[0].started.execution)
    assert events[0].started.workflow_version == f"workflows/planner@{version}"
    assert [event.HasField("step_answered") for event in events].count(True) == steps
    assert events[-1].finished.answer == "an answer"
    # What was asked for, and the text that was executed.
    assert kept.request.workflow_version == name
    assert kept.request.workflow.source == (FIRST, SECOND)[version - 1]


async def test_a_text_has_no_version(url: str) -> None:
    request = asked_for("", workflow=Workflow(source=FIRST))
    async with server(url, model()) as one:
        events = await events_of(one.execute(request))
        kept = await one.get(events[0].started.execution)
    assert events[0].started.workflow_version == ""
    assert kept.request == request


async def test_the_same_request_attaches_to_what_it_began(url: str, address: str) -> None:
    request = asked_for("planner@production", request_id="once")
    async with Client(generator=address) as client, server(url, model(), generator_address=address) as one:
        first = await events_of(one.execute(request))
        await promote(client.registry, "planner@2", 1)
        assert await events_of(one.execute(request)) == first
        with pytest.raises(errors.AlreadyExists):
            await events_of(one.execute(asked_for("planner@2", request_id="once")))
    # Not even the registry is needed.
    async with server(url, model(), generator_address="127.0.0.1:1") as one:
        assert await events_of(one.execute(request)) == first
        with pytest.raises(errors.Unavailable, match="which keeps registered workflows, could not answer"):
            await events_of(one.execute(asked_for("planner@production", request_id="twice")))


async def test_an_execution_that_is_taken_over_keeps_its_version(url: str, address: str) -> None:
    request = asked_for("planner@production", on_disconnect=pb.DISCONNECT_POLICY_CONTINUE)
    gated = GatedModel(lambda messages: "an answer")
    async with Client(generator=address) as client, server(url, gated, generator_address=address) as one:
        name = await begun(one.execute(request))
        await promote(client.registry, "planner@2", 1)
        await rob(url)
    async with server(url, model()) as another:
        events = await events_of(another.watch(name))
    assert events[0].started.workflow_version == "workflows/planner@1"
    assert [event.HasField("step_answered") for event in events].count(True) == 1
    assert events[-1].finished.answer == "an answer"


async def test_what_cannot_be_found_is_told(url: str, address: str) -> None:
    async with server(url, model(), generator_address=address) as one:
        with pytest.raises(errors.NotFound, match="there is no `workflows/planner@staging`"):
            await events_of(one.execute(asked_for("planner@staging")))
        assert (await one.page()).executions == []
    async with server(url, model()) as one:
        with pytest.raises(errors.FailedPrecondition, match="AUTOFLOW_GENERATOR_ADDRESS"):
            await events_of(one.execute(asked_for("planner")))


async def test_a_request_has_one_workflow(url: str, address: str) -> None:
    async with server(url, model(), generator_address=address) as one:
        with pytest.raises(errors.InvalidArgument, match="there is nothing to execute") as neither:
            await events_of(one.execute(asked_for("")))
        with pytest.raises(errors.InvalidArgument, match="leave one of the two out") as both:
            await events_of(one.execute(asked_for("planner", workflow=Workflow(source=FIRST))))
    assert [error.value.details.violations[0].field for error in (neither, both)] == [
        "workflow",
        "workflow_version",
    ]

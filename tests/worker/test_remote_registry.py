"""What a run registers, in a real registry: one version for its winner, however often its end is done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

import autoflow_generator
from autoflow.client import Client
from autoflow.testing import serving
from autoflow.v1 import registry_service_pb2 as pb
from autoflow_worker.ledger import Ledger
from autoflow_worker.publishing import Discovery
from autoflow_worker.remote_registry import RemoteRegistry
from tests.worker.run_page.stories import story, workflow

RUN = "runs/01j9"
TOLD = story()
FOUND = Discovery(
    replace(TOLD.spec, register_as="planner"), TOLD.result, (), Ledger(executions=480, seconds=75.0)
)
LATER = replace(FOUND, cost=Ledger(executions=480, seconds=91.5))
"""The same winner, as the next worker has it: it took longer."""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    service = autoflow_generator.build({"AUTOFLOW_GENERATOR_DATA": str(tmp_path)})
    async with serving(service) as address, Client(generator=address) as connected:
        yield connected


async def _versions(client: Client) -> list[pb.WorkflowVersion]:
    request = pb.ListWorkflowVersionsRequest(parent="planner")
    return list((await client.registry.list_workflow_versions(request)).versions)


async def test_a_worker_that_does_the_end_again_finds_the_version_of_the_one_before(client: Client) -> None:
    first = await RemoteRegistry(client.registry, RUN).register(FOUND)
    # Others have registered more since than a page has.
    for number in range(3):
        await RemoteRegistry(client.registry, f"runs/other-{number}").register(FOUND)
    assert await RemoteRegistry(client.registry, RUN, page_size=2).register(LATER) == first
    assert [version.name for version in await _versions(client) if version.lineage.run == RUN] == [first]


async def test_the_same_request_again_is_the_same_version(client: Client) -> None:
    registry = RemoteRegistry(client.registry, RUN)
    assert await registry.register(FOUND) == await registry.register(FOUND) == "workflows/planner@1"


async def test_another_winner_of_the_same_run_is_never_told_as_the_first_one(client: Client) -> None:
    first = await RemoteRegistry(client.registry, RUN).register(FOUND)
    other = replace(LATER, result=replace(TOLD.result, winner=workflow("baseline")))
    second = await RemoteRegistry(client.registry, RUN).register(other)
    by_name = {version.name: version.workflow.digest for version in await _versions(client)}
    assert by_name == {first: workflow("expert").digest, second: workflow("baseline").digest}

"""Two servers of one database: numbers have no gaps, and of those who race for an alias one wins."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

from autoflow.client import errors
from autoflow.client.registry import RegistryClient
from autoflow.v1 import registry_service_pb2 as pb
from tests.generator.registry.requests import create, get, history, promote, roll_back, text
from tests.generator.registry.servers import registry_at

_EACH = 20


async def test_numbers_have_no_gaps_and_never_collide(
    registry: RegistryClient, other: RegistryClient
) -> None:
    """Not even of the first versions, with which two workflows are registered."""
    calls = [
        create(server, workflow, text(f"{workflow} {number} {place}"))
        for number in range(_EACH)
        for workflow in ("planner", "writer")
        for place, server in enumerate((registry, other))
    ]
    made = await asyncio.gather(*calls)
    assert sorted(version.name for version in made) == sorted(
        f"workflows/{workflow}@{number}"
        for workflow in ("planner", "writer")
        for number in range(1, 2 * _EACH + 1)
    )
    for version in made:
        assert await get(other, version.name) == version


async def test_one_request_that_comes_many_times_at_once_adds_one_version(
    registry: RegistryClient, other: RegistryClient
) -> None:
    servers = (registry, other)
    made = await asyncio.gather(*(create(servers[i % 2], "planner", text("one"), "id") for i in range(_EACH)))
    assert {version.name for version in made} == {"workflows/planner@1"}
    assert (await get(registry, "planner")).name == "workflows/planner@1"


async def test_of_one_id_for_two_workflows_at_once_one_is_refused(
    registry: RegistryClient, other: RegistryClient
) -> None:
    for number in range(_EACH):
        one, two = await asyncio.gather(
            create(registry, "planner", text("one"), f"id-{number}"),
            create(other, "writer", text("one"), f"id-{number}"),
            return_exceptions=True,
        )
        assert {type(one), type(two)} == {pb.WorkflowVersion, errors.AlreadyExists}
    numbers = [int(name.partition("@")[2]) for name in await versions(registry)]
    assert len(numbers) == _EACH


async def versions(registry: RegistryClient) -> list[str]:
    """Those of all registered workflows."""
    workflows = (await registry.list_workflows(pb.ListWorkflowsRequest())).workflows
    pages = [
        await registry.list_workflow_versions(pb.ListWorkflowVersionsRequest(parent=one.name))
        for one in workflows
    ]
    return [version.name for page in pages for version in page.versions]


async def test_of_those_who_promote_at_once_one_wins(registry: RegistryClient, other: RegistryClient) -> None:
    for number in range(4):
        await create(registry, "planner", text(str(number)))
    at = 0
    for _ in range(_EACH):
        targets = [target for target in range(1, 5) if target != at]
        calls = [
            promote(server, f"planner@{target}", at, reason=f"{target}")
            for target in targets
            for server in (registry, other)
        ]
        told = await asyncio.gather(*calls, return_exceptions=True)
        won = [one for one in told if isinstance(one, pb.PromoteWorkflowResponse)]
        lost = [one for one in told if isinstance(one, errors.Aborted)]
        assert (len(won), len(lost)) == (1, len(calls) - 1)
        at = won[0].alias.version
        assert all(f"points at version {at} now" in error.message for error in lost)
    moves = await history(other, "planner@production")
    assert len(moves) == _EACH
    assert [move[0] for move in moves] == [0, *(move[1] for move in moves[:-1])]
    assert (await get(other, "planner@production")).name == f"workflows/planner@{at}"


async def test_promotions_and_rollbacks_that_race_leave_a_history_without_breaks(database_url: str) -> None:
    """Everybody goes on from what they are told; nobody is told of a move that is not in the history."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(registry_at(database_url)) for _ in range(2)]
        for number in range(3):
            await create(servers[0], "planner", text(str(number)))
        await promote(servers[0], "planner@1", 0)
        told: Counter[tuple[int, int]] = Counter({(0, 1): 1})

        async def work(server: RegistryClient, target: int) -> None:
            for turn in range(_EACH // 2):
                at = int((await get(server, "planner@production")).name.partition("@")[2])
                try:
                    if turn % 3 == 2:
                        change = (await roll_back(server, "planner@production", at)).change
                    else:
                        change = (await promote(server, f"planner@{target}", at)).change
                except (errors.Aborted, errors.FailedPrecondition):
                    continue
                told[change.from_version, change.to_version] += 1

        await asyncio.gather(*(work(server, target) for server in servers for target in (1, 2, 3)))
        moves = await history(servers[1], "planner@production")
        assert Counter(moves) == told
        assert [move[0] for move in moves] == [0, *(move[1] for move in moves[:-1])]

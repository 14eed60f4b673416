"""Promotions, rollbacks and their history, over real calls."""

from __future__ import annotations

import pytest

from autoflow.client import errors
from autoflow.client.registry import RegistryClient
from autoflow.v1 import registry_service_pb2 as pb
from tests.generator.registry.requests import create, get, history, promote, roll_back, text

ALIAS = "workflows/planner@production"


@pytest.fixture
async def planner(registry: RegistryClient) -> RegistryClient:
    """A registry with five versions of `planner`."""
    for number in range(1, 6):
        await create(registry, "planner", text(str(number)))
    return registry


async def test_rollbacks_go_back_promotion_by_promotion(planner: RegistryClient) -> None:
    for number in (1, 2, 3):
        await promote(planner, f"planner@{number}", number - 1)
    assert (await roll_back(planner, ALIAS, 3)).alias.version == 2
    assert (await roll_back(planner, ALIAS, 2)).alias.version == 1
    with pytest.raises(errors.FailedPrecondition, match="no earlier promotion than that to version 1"):
        await roll_back(planner, ALIAS, 1)
    assert await history(planner, ALIAS) == [(0, 1), (1, 2), (2, 3), (3, 2), (2, 1)]


async def test_a_promotion_after_a_rollback_goes_on_from_there(planner: RegistryClient) -> None:
    for number in (1, 2, 3):
        await promote(planner, f"planner@{number}", number - 1)
    await roll_back(planner, ALIAS, 3)
    await promote(planner, "planner@5", 2)
    assert (await roll_back(planner, ALIAS, 5)).alias.version == 2
    assert (await roll_back(planner, ALIAS, 2)).alias.version == 1


async def test_a_promotion_to_where_it_points_is_history_and_no_step_back(planner: RegistryClient) -> None:
    await promote(planner, "planner@1", 0)
    await promote(planner, "planner@2", 1)
    assert (await promote(planner, "planner@2", 2, reason="still the best")).alias.version == 2
    assert (await roll_back(planner, ALIAS, 2)).alias.version == 1
    assert await history(planner, ALIAS) == [(0, 1), (1, 2), (2, 2), (2, 1)]


async def test_a_promotion_tells_what_it_did(planner: RegistryClient) -> None:
    await promote(planner, "planner@1", 0)
    told = await promote(planner, "workflows/planner@4", 1, reason="better on trips")
    assert told.change.kind == pb.ALIAS_CHANGE_KIND_PROMOTION
    assert (told.change.alias, told.change.reason) == (ALIAS, "better on trips")
    assert (told.change.from_version, told.change.to_version) == (1, 4)
    assert told.alias == pb.Alias(name=ALIAS, version=4, update_time=told.change.create_time)
    assert (await planner.list_aliases(pb.ListAliasesRequest())).aliases == [told.alias]
    back = await roll_back(planner, "planner@production", 4, reason="it is slow")
    assert (back.change.kind, back.change.reason) == (pb.ALIAS_CHANGE_KIND_ROLLBACK, "it is slow")
    assert (await get(planner, ALIAS)).name == "workflows/planner@1"


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (0, "points at version 1 now, and was expected not to be there yet"),
        (2, "points at version 1 now, not at 2"),
    ],
)
async def test_a_promotion_from_elsewhere_is_aborted(
    planner: RegistryClient, expected: int, said: str
) -> None:
    await promote(planner, "planner@1", 0)
    with pytest.raises(errors.Aborted, match=said):
        await promote(planner, "planner@2", expected)
    with pytest.raises(errors.Aborted, match="there is no `workflows/planner@staging` yet"):
        await promote(planner, "planner@2", 1, alias="staging")
    assert await history(planner, "planner") == [(0, 1)]


async def test_a_rollback_from_elsewhere_is_aborted(planner: RegistryClient) -> None:
    await promote(planner, "planner@1", 0)
    await promote(planner, "planner@2", 1)
    with pytest.raises(errors.Aborted, match="points at version 2 now, not at 3"):
        await roll_back(planner, ALIAS, 3)
    assert (await get(planner, ALIAS)).aliases == ["production"]


async def test_what_is_not_there_is_not_found(planner: RegistryClient) -> None:
    with pytest.raises(errors.NotFound, match="`workflows/planner@6`"):
        await promote(planner, "planner@6", 0)
    with pytest.raises(errors.NotFound, match="`workflows/nobody@1`"):
        await promote(planner, "nobody@1", 0)
    with pytest.raises(errors.NotFound, match="`workflows/planner@production`"):
        await roll_back(planner, ALIAS, 1)
    with pytest.raises(errors.NotFound, match="`workflows/nobody@production`"):
        await roll_back(planner, "nobody@production", 1)


async def test_repeated_moves_move_once(planner: RegistryClient) -> None:
    first = await promote(planner, "planner@1", 0, request_id="a")
    second = await promote(planner, "planner@2", 1, reason="why", request_id="b")
    assert await promote(planner, "planner@1", 0, request_id="a") == first
    assert await promote(planner, "planner@2", 1, reason="why", request_id="b") == second
    back = await roll_back(planner, ALIAS, 2, request_id="c")
    assert await roll_back(planner, ALIAS, 2, request_id="c") == back
    assert await history(planner, ALIAS) == [(0, 1), (1, 2), (2, 1)]


async def test_an_id_of_another_move_is_refused(planner: RegistryClient) -> None:
    await promote(planner, "planner@1", 0, request_id="a")
    await promote(planner, "planner@2", 1, request_id="b")
    with pytest.raises(
        errors.AlreadyExists, match="used for another change, of `workflows/planner@production`"
    ):
        await promote(planner, "planner@2", 0, request_id="a")
    with pytest.raises(errors.AlreadyExists):
        await promote(planner, "planner@1", 0, reason="another", request_id="a")
    with pytest.raises(errors.AlreadyExists):
        await promote(planner, "planner@1", 0, alias="staging", request_id="a")
    with pytest.raises(errors.AlreadyExists):
        await roll_back(planner, ALIAS, 1, request_id="b")


async def test_what_a_database_cannot_keep_of_a_reason_is_replaced(planner: RegistryClient) -> None:
    told = await promote(planner, "planner@1", 0, reason="a\0b", request_id="a")
    assert told.change.reason == "a\N{REPLACEMENT CHARACTER}b"
    assert await promote(planner, "planner@1", 0, reason="a\0b", request_id="a") == told

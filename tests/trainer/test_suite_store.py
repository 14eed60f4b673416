"""What is known of suites, on real databases of each kind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.store.engine import create_engine
from autoflow.suites import ContentType, Split, Tool
from autoflow.suites.saving import SuiteHead
from autoflow_trainer.runs import Run, RunState
from autoflow_trainer.store import RunStore, SuiteStore
from autoflow_trainer.store.tables import SuiteRow
from autoflow_trainer.suites import Suite

NOW = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
TOOL = Tool("Café 東京", "a\0b", (ContentType.IMAGE, ContentType.TEXT), ContentType.TEXT, idempotent=True)


def suite(digit: str) -> Suite:
    return Suite(
        id=digit * 64,
        head=SuiteHead("title\0", "goal 🙂", (TOOL,)),
        digest="sha256:" + digit * 64,
        sizes={Split.TRAIN: 3, Split.VALIDATION: 2, Split.TEST: 1},
        independent={Split.TRAIN: 2, Split.VALIDATION: 1, Split.TEST: 1},
        artifact="sha256:" + "f" * 64,
        create_time=NOW,
    )


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database_url)
    await RunStore(made, on_change=lambda run_id: None).migrate()
    yield made
    await made.dispose()


async def test_a_suite_comes_back_as_it_was_stored(engine: AsyncEngine) -> None:
    store = SuiteStore(engine)
    stored = await store.insert(suite("a"))
    assert stored == replace(suite("a"), sequence=stored.sequence)
    assert await store.find("a" * 64) == stored
    assert await store.find("b" * 64) is None
    assert await SuiteStore(engine, tenant="other").find("a" * 64) is None


async def test_of_those_who_store_the_same_suite_at_once_one_does(engine: AsyncEngine) -> None:
    stores = [SuiteStore(engine) for _ in range(4)]
    made = [replace(suite("a"), artifact=f"sha256:{place:064}") for place in range(8)]
    stored = await asyncio.gather(*(stores[place % 4].insert(one) for place, one in enumerate(made)))
    assert len({one.artifact for one in stored}) == 1
    assert [one.id for one in await stores[0].page(None, 9)] == ["a" * 64]


async def test_a_suite_whose_artifact_is_gone_takes_another_with_its_head(engine: AsyncEngine) -> None:
    store = SuiteStore(engine)
    first = await store.insert(suite("a"))
    others = [
        replace(suite("a"), artifact=f"sha256:{place:064}", head=SuiteHead(f"{place}", "goal 🙂", (TOOL,)))
        for place in range(4)
    ]
    mended = await asyncio.gather(*(store.mend(other, lost=first.artifact) for other in others))
    # The first to come mends it; for all others nothing is lost any more.
    assert len(set(map(repr, mended))) == 1
    assert mended[0] == await store.find("a" * 64)
    assert mended[0] in [replace(first, artifact=other.artifact, head=other.head) for other in others]


async def test_a_tool_of_a_row_of_before_is_not_called_again(engine: AsyncEngine) -> None:
    store = SuiteStore(engine)
    await store.insert(suite("a"))
    async with engine.begin() as connection:
        head = json.dumps(["title", "goal", [["A", "", ["text"], "text"]]])
        await connection.execute(update(SuiteRow).values(head=head))
    found = await store.find("a" * 64)
    assert found is not None
    assert found.head.tools == (Tool("A", "", (ContentType.TEXT,), ContentType.TEXT),)


async def test_pages_begin_where_the_last_one_ended(engine: AsyncEngine) -> None:
    store = SuiteStore(engine)
    places = [(await store.insert(suite(digit))).sequence for digit in "abc"]
    assert places == sorted(places)
    assert [one.id[0] for one in await store.page(None, 2)] == ["c", "b"]
    assert [one.id[0] for one in await store.page(places[1], 2)] == ["a"]


async def test_openings_are_counted_by_suite(engine: AsyncEngine) -> None:
    store, runs = SuiteStore(engine), RunStore(engine, on_change=lambda run_id: None)
    for name, digest in (("one", "a"), ("two", "a"), ("three", "b")):
        await runs.insert(Run(name, b"spec", RunState.PENDING, NOW), None, max_waiting=9)
        for _ in range(2):
            await runs.open_test(name, lambda record: record, suite_digest=digest, now=NOW)
    assert await store.openings(["a", "b", "c"]) == {"a": 2, "b": 1}
    assert await store.openings([]) == {}
    assert await SuiteStore(engine, tenant="other").openings(["a"]) == {}


async def test_a_run_keeps_the_artifact_of_its_suite(engine: AsyncEngine) -> None:
    runs = RunStore(engine, on_change=lambda run_id: None)
    run = Run("one", b"spec", RunState.PENDING, NOW, suite_artifact="sha256:" + "f" * 64)
    await runs.insert(run, None, max_waiting=9)
    assert (await runs.get("one")).run == run

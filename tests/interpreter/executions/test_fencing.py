"""Two holders that come in between each other: nothing of one that was replaced is ever stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoflow.store.engine import create_engine
from autoflow_interpreter.executions.model import Append, Appended, NewEvent
from autoflow_interpreter.executions.store import ExecutionStore
from tests.interpreter.executions.kept import (
    LATER,
    NOW,
    append,
    asking,
    finishing,
    new_execution,
    opened,
    payloads,
)

TENANTS = count()

# What one of the two does: it stores so many events, or sends its last append again, or takes the execution
# over, or keeps its lease, or gives it back, or ends the execution.
DEEDS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["append", "repeat", "claim", "claim", "renew", "release"]), st.just(1)),
    st.tuples(st.sampled_from(["append", "claim"]), st.just(1)),
    st.tuples(st.just("finish"), st.just(1)),
)


@dataclass
class Owner:
    """One of the two, and what it believes."""

    name: str
    store: ExecutionStore
    token: int = 0
    events: int = 0
    last: Append | None = None
    stored: bool = False
    """Whether its last append was."""


@dataclass
class Truth:
    """What must be stored."""

    token: int = 1
    running: bool = True
    payloads: list[bytes] = field(default_factory=list)
    serial: Iterator[int] = field(default_factory=count)

    def holds(self, owner: Owner) -> bool:
        return self.running and owner.token == self.token


async def carry_out(owner: Owner, deed: str, size: int, truth: Truth) -> None:
    """Does it, and compares what the owner is told with the truth."""
    if deed == "claim":
        claimed = await owner.store.claim(owner.name, LATER + timedelta(days=1), LATER, 9)
        assert len(claimed) == truth.running
        if claimed:
            truth.token += 1
            assert (claimed[0].token, claimed[0].events) == (truth.token, len(truth.payloads))
            owner.token, owner.events = truth.token, len(truth.payloads)
    elif deed == "renew":
        lost, _ = await owner.store.renew([("one", owner.token)], LATER)
        assert lost == (set() if truth.holds(owner) else {"one"})
    elif deed == "release":
        await owner.store.release([("one", owner.token)])
    elif deed == "repeat" and owner.last is not None:
        (told,) = await owner.store.append([owner.last])
        assert told is (
            Appended.STORED if owner.stored and owner.last.token == truth.token else Appended.LOST
        )
    else:
        await write(owner, size, deed == "finish", truth)


async def write(owner: Owner, size: int, ending: bool, truth: Truth) -> None:
    texts = [b"%s %d" % (owner.name.encode(), next(truth.serial)) for _ in range(size)]
    events = [NewEvent(0, text) for text in texts]
    owner.last = Append("one", owner.token, owner.events, events, finishing() if ending else None)
    (told,) = await owner.store.append([owner.last])
    owner.stored = truth.holds(owner)
    assert told is (Appended.STORED if owner.stored else Appended.LOST)
    if owner.stored:
        truth.payloads += texts
        truth.running = not ending
        owner.events += size


@given(deeds=st.lists(st.tuples(st.booleans(), DEEDS), max_size=14))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_holders_in_any_order(tmp_path: Path, deeds: list[tuple[bool, tuple[str, int]]]) -> None:
    async def interleave() -> None:
        async with two_owners(f"sqlite+aiosqlite:///{tmp_path / 'two.db'}") as (one, other):
            truth = Truth()
            one.token = (await one.store.insert(new_execution(), one.name, LATER))[0].token
            for first, (deed, size) in deeds:
                await carry_out(one if first else other, deed, size, truth)
                assert await payloads(one.store) == truth.payloads

    asyncio.run(interleave())


@asynccontextmanager
async def two_owners(url: str) -> AsyncIterator[tuple[Owner, Owner]]:
    """With connections of their own; the executions are a new tenant's."""
    engines = create_engine(url), create_engine(url)
    tenant = f"tenant-{next(TENANTS)}"
    one, other = (ExecutionStore(engine, tenant=tenant) for engine in engines)
    await one.migrate()
    try:
        yield Owner("one", one), Owner("other", other)
    finally:
        for engine in engines:
            await engine.dispose()


async def test_who_claims_sees_everything_that_the_one_before_has_stored(
    store: ExecutionStore, database_url: str
) -> None:
    async with opened(database_url) as other:
        for number in range(20):
            name = f"e{number}"
            await store.insert(new_execution(name), "one", NOW)
            told, claimed = await asyncio.gather(
                store.append([append(0, b"one", execution_id=name)]), other.claim("other", NOW, LATER, 9)
            )
            # PostgreSQL passes by what somebody writes to at that moment.
            (taken,) = claimed or await other.claim("other", NOW, LATER, 9)
            assert taken.events == (told == [Appended.STORED])
            goes_on = append(taken.events, b"other", execution_id=name, token=taken.token)
            assert await other.append([goes_on]) == [Appended.STORED]
            assert await payloads(store, name) == [b"one"] * taken.events + [b"other"]


async def test_of_many_who_claim_each_gets_others(store: ExecutionStore, database_url: str) -> None:
    for number in range(12):
        await store.insert(new_execution(f"e{number}"), "lost", NOW)
    async with opened(database_url) as second, opened(database_url) as third:
        claims = [each.claim("new", NOW, LATER, 2) for each in (store, second, third) * 3]
        got = [execution.id for taken in await asyncio.gather(*claims) for execution in taken]
        assert len(got) == len(set(got))
        rest = await store.claim("new", NOW, LATER, 99)
    assert sorted(got + [execution.id for execution in rest]) == sorted(f"e{number}" for number in range(12))
    assert {execution.token for execution in await store.page(None, 99)} == {2}


async def test_of_several_who_prune_each_deletes_others(store: ExecutionStore, database_url: str) -> None:
    for number in range(8):
        await store.insert(new_execution(f"e{number}"), "me", LATER)
    await store.append([append(0, b"a", execution_id=f"e{n}", change=finishing()) for n in range(8)])
    async with opened(database_url) as other:
        deleted = await asyncio.gather(*(each.prune(NOW, 2, 3) for each in (store, other) * 3))
    assert sum(deleted) == 6
    assert [execution.id for execution in await store.page(None, 9)] == ["e7", "e6"]


async def test_one_request_that_comes_many_times_at_once_makes_one(
    store: ExecutionStore, database_url: str
) -> None:
    async with opened(database_url) as other:
        answers = await asyncio.gather(
            *(
                each.insert(new_execution(f"e{number}", "request"), "me", LATER)
                for number, each in enumerate((store, other) * 4)
            )
        )
    assert len({execution.id for execution, _ in answers}) == 1
    assert sum(new for _, new in answers) == 1
    assert len(await store.page(None, 9)) == 1


async def test_one_question_that_is_answered_many_times_at_once_has_one_answer(
    store: ExecutionStore, database_url: str
) -> None:
    await store.insert(new_execution(), "me", LATER)
    await store.append([append(0, b"?", change=asking(0))])
    async with opened(database_url) as other:
        answers = await asyncio.gather(
            *(
                each.answer("one", 0, "yes", NewEvent(number, b"yes"), "me", LATER)
                for number, each in enumerate((store, other) * 4)
            )
        )
    assert sum(ours for _, ours in answers) == 1
    assert {execution.token for execution, _ in answers} == {2}
    assert await payloads(store) == [b"?", b"yes"]


async def test_who_is_cancelled_while_it_begins_to_wait_is_cancelled(
    store: ExecutionStore, database_url: str
) -> None:
    async with opened(database_url) as other:
        for number in range(20):
            name = f"e{number}"
            await store.insert(new_execution(name), "me", LATER)
            (told,), _ = await asyncio.gather(
                store.append([append(0, b"?", execution_id=name, change=asking(0))]),
                other.request_cancel(name),
            )
            execution = await store.get(name)
            assert (told, execution.state) in {
                (Appended.STORED, "cancelled"),
                (Appended.CANCEL_REQUESTED, "running"),
            }
            assert execution.cancel_requested

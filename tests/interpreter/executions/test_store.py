"""Each thing that can be done with kept executions, on real databases of each kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from autoflow.errors import FailedPrecondition, NotFound
from autoflow.store.engine import create_engine
from autoflow_interpreter.executions.model import (
    Appended,
    Change,
    ExecutionState,
    Failure,
    NewEvent,
    StoredEvent,
)
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

STORED, LOST, CANCEL = Appended.STORED, Appended.LOST, Appended.CANCEL_REQUESTED


async def test_a_new_execution_runs_and_is_held(store: ExecutionStore) -> None:
    stored, new = await store.insert(new_execution(request_id="request"), "me", LATER)
    assert new
    assert (stored.state, stored.token, stored.events, stored.request) == ("running", 1, 0, b"request")
    assert (stored.create_time, stored.end_time) == (NOW, None)
    assert await store.get("one") == stored == await store.find_request("request")
    assert await store.find_request("another") is None
    assert await store.insert(new_execution("two", "request"), "you", LATER) == (stored, False)
    with pytest.raises(NotFound, match="executions/two"):
        await store.get("two")
    with pytest.raises(IntegrityError):
        await store.insert(new_execution("one"), "you", LATER)


async def test_events_are_kept_in_order(store: ExecutionStore) -> None:
    await store.insert(new_execution(), "me", LATER)
    assert await store.append([append(0, b"a", b"b"), append(2, b"\0c"), append(3)]) == [STORED] * 3
    assert await payloads(store) == [b"a", b"b", b"\0c"]
    assert await store.events("one", 1, 1) == [StoredEvent(1, b"b")]
    assert await store.events("two", 0, 9) == []
    assert (await store.get("one")).events == 3


async def test_of_a_batch_what_may_be_stored_is(store: ExecutionStore) -> None:
    await store.insert(new_execution(), "me", LATER)
    await store.insert(new_execution("two"), "me", LATER)
    batch = [
        append(0, b"a"),
        append(1, b"a gap before the next"),
        append(3, b"x"),
        append(0, b"b", execution_id="two"),
        append(1, b"x", execution_id="two", token=2),
        append(0, b"x", execution_id="three"),
    ]
    assert await store.append(batch) == [STORED, STORED, LOST, STORED, LOST, LOST]
    assert await payloads(store) == [b"a", b"a gap before the next"]
    assert await payloads(store, "two") == [b"b"]


async def test_the_same_append_may_come_again(store: ExecutionStore) -> None:
    await store.insert(new_execution(), "me", LATER)
    first, second = append(0, b"a", b"b"), append(2, b"c")
    assert await store.append([first]) == [STORED]
    assert await store.append([first, second, first, second]) == [STORED] * 4
    assert await store.append([append(1, b"b", b"c"), append(1, b"c"), append(2, b"c", b"d")]) == [
        STORED,
        LOST,
        LOST,
    ]
    end, bare_end = append(3, b"d", change=finishing()), append(4, change=finishing())
    assert await store.append([end]) == [STORED]
    assert await store.append([end, bare_end, append(4, b"e"), append(4)]) == [STORED, STORED, LOST, LOST]
    assert await payloads(store) == [b"a", b"b", b"c", b"d"]


async def test_an_execution_ends_with_its_last_event(store: ExecutionStore) -> None:
    for name in ("one", "two", "three"):
        await store.insert(new_execution(name), "me", LATER)
    failure = Failure(14, "away\0", b"status")
    ends = [
        append(0, b"a", change=finishing()),
        append(0, execution_id="two", change=Change(ExecutionState.FAILED, failure=failure)),
        append(0, execution_id="three", change=Change(ExecutionState.CANCELLED)),
    ]
    assert await store.append(ends) == [STORED] * 3
    one, two, three = [await store.get(name) for name in ("one", "two", "three")]
    assert (one.state, one.finished, one.end_time, one.events) == ("finished", b"finished", NOW, 1)
    assert (two.state, two.failure, two.end_time) == ("failed", Failure(14, "away\ufffd", b"status"), NOW)
    assert (three.state, three.finished, three.failure) == ("cancelled", b"", None)
    assert await store.renew([("one", 1)], LATER) == ({"one"}, set())
    assert await store.claim("you", LATER + timedelta(days=1), LATER, 9) == [], "nobody holds them any more"


async def test_a_page_is_the_newest_first_and_without_requests(store: ExecutionStore) -> None:
    for number in range(5):
        await store.insert(new_execution(f"e{number}"), "me", LATER)
    await store.append([append(0, execution_id="e1", change=finishing())])
    page = await store.page(None, 3)
    assert [(each.id, each.request) for each in page] == [("e4", b""), ("e3", b""), ("e2", b"")]
    assert [each.id for each in await store.page(page[-1].place, 3)] == ["e1", "e0"]
    assert [each.id for each in await store.page(None, 9, ExecutionState.FINISHED)] == ["e1"]
    assert len(await store.page(None, 9, ExecutionState.RUNNING)) == 4


async def test_a_lease_that_is_kept_is_nobody_elses(store: ExecutionStore) -> None:
    await store.insert(new_execution(), "me", NOW)
    await store.insert(new_execution("two"), "me", NOW)
    assert await store.renew([("one", 1), ("two", 2), ("three", 1)], LATER) == ({"two", "three"}, set())
    assert await store.renew([], LATER) == (set(), set())
    (claimed,) = await store.claim("you", NOW, LATER, 9)
    assert (claimed.id, claimed.token, claimed.resumptions, claimed.request) == ("two", 2, 1, b"request")
    assert await store.append([append(0, b"a"), append(0, b"x", execution_id="two")]) == [STORED, LOST]
    assert await store.claim("you", NOW, LATER, 9) == []


async def test_an_expired_lease_is_its_holders_until_somebody_claims(store: ExecutionStore) -> None:
    await store.insert(new_execution(), "me", NOW - timedelta(days=1))
    assert await store.append([append(0, b"a")]) == [STORED]
    assert [each.token for each in await store.claim("you", NOW, LATER, 9)] == [2]
    assert await store.append([append(0, b"a")]) == [LOST], "be it that it was stored: it is another's"
    assert await store.append([append(1, b"b", token=2)]) == [STORED]


async def test_what_is_given_back_is_claimed_at_once(store: ExecutionStore) -> None:
    for name in ("one", "two", "three"):
        await store.insert(new_execution(name), "me", LATER)
    await store.release([("one", 1), ("two", 9), ("three", 1)])
    assert [each.id for each in await store.claim("you", NOW, LATER, 1)] == ["one"]
    assert [each.id for each in await store.claim("you", NOW, LATER, 9)] == ["three"]


async def test_who_runs_is_told_that_it_is_cancelled(store: ExecutionStore) -> None:
    await store.insert(new_execution(), "me", LATER)
    cancelled = await store.request_cancel("one", NewEvent(1, b"x"))
    assert (cancelled.state, cancelled.cancel_requested, cancelled.events) == ("running", True, 0)
    assert await store.renew([("one", 1)], NOW) == (set(), {"one"})
    assert await store.append([append(0, b"a")]) == [CANCEL]
    (claimed,) = await store.claim("you", NOW, LATER, 9)
    assert claimed.cancel_requested
    end = append(1, token=2, change=Change(ExecutionState.CANCELLED))
    assert await store.append([end]) == [STORED]
    ended = await store.get("one")
    assert ended.state == "cancelled"
    assert await store.request_cancel("one", NewEvent(1, b"x")) == ended
    with pytest.raises(NotFound):
        await store.request_cancel("two")


async def test_who_is_cancelled_does_not_begin_to_wait(store: ExecutionStore) -> None:
    await store.insert(new_execution(), "me", LATER)
    await store.request_cancel("one")
    assert await store.append([append(0, b"?", change=asking(0))]) == [CANCEL]
    assert (await store.get("one")).state == "running"
    assert await store.append([append(1, change=Change(ExecutionState.CANCELLED))]) == [STORED]


async def test_who_waits_is_cancelled_at_once(store: ExecutionStore) -> None:
    for name in ("one", "two"):
        await store.insert(new_execution(name), "me", LATER)
        await store.append([append(0, b"?", execution_id=name, change=asking(0))])
    cancelled = await store.request_cancel("one", NewEvent(1, b"end"))
    assert (cancelled.state, cancelled.question, cancelled.end_time) == ("cancelled", None, NOW)
    assert await payloads(store) == [b"?", b"end"]
    assert (await store.request_cancel("two")).events == 1


async def test_an_answer_lets_an_execution_go_on(store: ExecutionStore) -> None:
    await store.insert(new_execution(), "me", LATER)
    await store.append([append(0, b"a", b"?", change=asking(1))])
    waiting = await store.get("one")
    assert (waiting.state, waiting.question) == ("waiting", asking(1).question)
    with pytest.raises(FailedPrecondition):
        await store.answer("one", 0, "yes", NewEvent(2, b"yes"), "you", LATER)
    with pytest.raises(NotFound):
        await store.answer("two", 1, "yes", NewEvent(2, b"yes"), "you", LATER)

    running, ours = await store.answer("one", 1, "yes", NewEvent(2, b"yes"), "you", LATER)
    assert ours
    assert (running.state, running.question, running.token, running.events) == ("running", None, 2, 3)
    assert await store.append([append(3, b"x", token=1), append(3, b"b", token=2)]) == [LOST, STORED]
    assert await payloads(store) == [b"a", b"?", b"yes", b"b"]


async def test_an_answer_may_come_again_and_no_other(store: ExecutionStore) -> None:
    await store.insert(new_execution(), "me", LATER)
    await store.append([append(0, b"?", change=asking(0))])
    await store.answer("one", 0, "yes", NewEvent(1, b"1 yes"), "you", LATER)
    assert await store.answer("one", 0, "yes", NewEvent(2, b"2 yes"), "they", LATER) == (
        await store.get("one"),
        False,
    )
    with pytest.raises(FailedPrecondition):
        await store.answer("one", 0, "no", NewEvent(3, b"3 no"), "they", LATER)
    await store.append([append(2, b"?", token=2, change=asking(2))])
    assert not (await store.answer("one", 0, "yes", NewEvent(4, b"4 yes"), "they", LATER))[1]
    assert (await store.get("one")).state == "waiting"
    assert await payloads(store) == [b"?", b"1 yes", b"?"]


async def test_what_nobody_answers_in_time_is_taken_to_end_it(store: ExecutionStore) -> None:
    for name, deadline in (("one", NOW), ("two", LATER)):
        await store.insert(new_execution(name), "me", LATER)
        await store.append([append(0, b"?", execution_id=name, change=asking(0, deadline))])
    (taken,) = await store.claim_overdue("you", NOW, LATER, 9)
    assert (taken.id, taken.state, taken.token, taken.resumptions) == ("one", "running", 2, 0)
    assert (taken.request, taken.question) == (b"request", None)
    assert await store.claim_overdue("you", NOW, LATER, 9) == []
    with pytest.raises(FailedPrecondition):
        await store.answer("one", 0, "yes", NewEvent(1, b"yes"), "they", LATER)


async def test_what_ended_long_ago_or_is_too_much_goes(store: ExecutionStore) -> None:
    for number in range(6):
        await store.insert(new_execution(f"e{number}"), "me", LATER)
    ends = [append(0, b"a", execution_id=f"e{number}", change=finishing()) for number in range(5)]
    await store.append(ends)
    assert await store.prune(NOW, 5, 9) == 0
    assert await store.prune(NOW, 3, 1) == 1
    assert await store.prune(NOW, 3, 9) == 1
    assert [each.id for each in await store.page(None, 9)] == ["e5", "e4", "e3", "e2"]
    assert await store.events("e0", 0, 9) == []
    assert await store.prune(LATER, 3, 2) == 2
    assert await store.prune(LATER, 3, 2) == 1
    assert [each.id for each in await store.page(None, 9)] == ["e5"], "it has not ended"


async def test_text_that_a_database_cannot_keep_is_kept_readable(store: ExecutionStore) -> None:
    odd = replace(new_execution(), query_beginning="a\0b")
    assert (await store.insert(odd, "me", LATER))[0].query_beginning == "a\ufffdb"


async def test_tenants_do_not_meet(store: ExecutionStore, database_url: str) -> None:
    await store.insert(new_execution(request_id="request"), "me", NOW)
    await store.append([append(0, b"a")])
    engine = create_engine(database_url)
    theirs = ExecutionStore(engine, tenant="theirs")
    with pytest.raises(NotFound):
        await theirs.get("one")
    assert await theirs.events("one", 0, 9) == []
    assert await theirs.page(None, 9) == []
    assert await theirs.claim("they", LATER, LATER, 9) == []
    assert await theirs.append([append(1, b"x")]) == [LOST]
    assert (await theirs.insert(new_execution(request_id="request"), "they", LATER))[1]
    await engine.dispose()


async def test_it_is_reachable_where_it_has_its_tables(database_url: str) -> None:
    async with opened(database_url) as store:
        assert not await store.reachable()
        await store.migrate()
        await store.require_migrated()
        assert await store.reachable()

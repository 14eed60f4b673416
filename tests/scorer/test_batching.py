"""Who is in which batch, who is refused, and what becomes of those who give up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.errors import ResourceExhausted
from autoflow_scorer.batching import Batcher, BatchReport, Caller, Limits
from autoflow_scorer.batching.fair_queue import FairQueue

CALLERS = [Caller(peer, name) for peer in "ab" for name in ("", "x")]


class Device:
    """Doubles numbers; holds each batch until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.go.set()

    def run(self, jobs: Sequence[int]) -> list[int]:
        self.batches.append(list(jobs))
        assert self.go.wait(10)
        return [2 * job for job in jobs]


@asynccontextmanager
async def batching(
    device: Device, limits: Limits, reports: list[BatchReport] | None = None
) -> AsyncIterator[Batcher[int, int]]:
    with ThreadPoolExecutor(1) as executor:
        sink = [] if reports is None else reports
        try:
            yield Batcher(device.run, limits, executor, sink.append)
        finally:
            device.go.set()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_the_work_of_many_callers_is_one_batch() -> None:
    device, reports = Device(), list[BatchReport]()
    async with batching(device, Limits(budget=100, linger=0.05), reports) as batcher:
        answers = await asyncio.gather(
            *(batcher.submit([one, one + 1], [1, 1], caller=Caller(str(one))) for one in range(10))
        )

    assert answers == [[2 * one, 2 * one + 2] for one in range(10)]
    assert [(report.jobs, report.cost, report.requests) for report in reports] == [(20, 20, 10)]


async def test_a_full_batch_does_not_wait_for_more() -> None:
    device = Device()
    async with batching(device, Limits(budget=4, linger=60)) as batcher, asyncio.timeout(10):
        assert await batcher.submit([1, 2, 3, 4], [1] * 4, caller=Caller("a")) == [2, 4, 6, 8]


async def test_no_batch_costs_more_than_the_budget_but_for_a_single_job() -> None:
    device = Device()
    async with batching(device, Limits(budget=5)) as batcher:
        answers = await batcher.submit([1, 2, 3, 4], [3, 3, 9, 2], caller=Caller("a"))

    assert answers == [2, 4, 6, 8]
    assert device.batches == [[1], [2], [3], [4]]


async def test_a_caller_with_little_is_served_before_the_rest_of_one_with_much() -> None:
    device = Device()
    device.go.clear()
    async with batching(device, Limits(budget=4, waiting=100)) as batcher:
        first = asyncio.create_task(batcher.submit([0], [1], caller=Caller("first")))
        await until(lambda: device.batches)
        much = asyncio.create_task(batcher.submit(list(range(100, 140)), [1] * 40, caller=Caller("much")))
        await until(lambda: batcher.waiting_cost)
        little = asyncio.create_task(batcher.submit([7, 8], [1, 1], caller=Caller("little")))
        await until(lambda: batcher.waiting_cost == 6)
        device.go.set()
        await asyncio.gather(first, much, little)

    assert sorted(device.batches[1]) == [7, 8, 100, 101]


async def test_one_too_many_is_refused_with_a_hint_and_the_last_quarter_is_for_newcomers() -> None:
    device = Device()
    device.go.clear()
    async with batching(device, Limits(budget=8, waiting=8)) as batcher:
        running = asyncio.create_task(batcher.submit([0], [1], caller=Caller("a")))
        await until(lambda: device.batches)
        waiting = asyncio.create_task(batcher.submit([1, 2, 3, 4, 5, 6], [1] * 6, caller=Caller("a")))
        await until(lambda: batcher.waiting_cost == 6)
        with pytest.raises(ResourceExhausted) as refused:
            await batcher.submit([7], [1], caller=Caller("a"))
        newcomer = asyncio.create_task(batcher.submit([8, 9], [1, 1], caller=Caller("b")))
        await until(lambda: batcher.waiting_cost == 8)
        with pytest.raises(ResourceExhausted):
            await batcher.submit([10], [1], caller=Caller("c"))
        device.go.set()

        assert refused.value.retry_after is not None
        assert refused.value.retry_after > 0
        answers = await asyncio.gather(running, waiting, newcomer)
        assert list(answers) == [[0], [2, 4, 6, 8, 10, 12], [16, 18]]


async def test_a_caller_who_would_wait_for_the_others_is_refused_and_they_are_not() -> None:
    device = Device()
    device.go.clear()
    async with batching(device, Limits(budget=4, waiting=8)) as batcher:
        calls = [asyncio.create_task(batcher.submit([0], [1], caller=Caller("first")))]
        await until(lambda: device.batches)
        calls.append(asyncio.create_task(batcher.submit([1, 2, 3, 4], [1] * 4, caller=Caller("greedy"))))
        calls.append(asyncio.create_task(batcher.submit([5], [1], caller=Caller("a"))))
        await until(lambda: batcher.waiting_cost == 5)
        with pytest.raises(ResourceExhausted):
            await batcher.submit([6], [1], caller=Caller("greedy"))
        calls.append(asyncio.create_task(batcher.submit([7], [1], caller=Caller("a"))))
        await until(lambda: batcher.waiting_cost == 6)
        device.go.set()
        await asyncio.gather(*calls)


async def test_what_was_given_up_is_not_computed_and_makes_room() -> None:
    device = Device()
    device.go.clear()
    async with batching(device, Limits(budget=4)) as batcher:
        running = asyncio.create_task(batcher.submit([0], [1], caller=Caller("a")))
        await until(lambda: device.batches)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(batcher.submit([1, 2, 3], [1] * 3, caller=Caller("b")), timeout=0.01)
        assert batcher.waiting_cost == 0
        later = asyncio.create_task(batcher.submit([4], [1], caller=Caller("b")))
        device.go.set()
        await asyncio.gather(running, later)

    assert device.batches == [[0], [4]]


async def test_a_fault_of_a_batch_reaches_those_in_it_and_the_next_batch_runs() -> None:
    def run(jobs: Sequence[int]) -> list[int]:
        if 13 in jobs:
            raise ValueError("thirteen")
        return list(jobs)

    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(run, Limits(budget=10), executor)
        failed = await asyncio.gather(
            batcher.submit([13], [1], caller=Caller("a")),
            batcher.submit([1], [1], caller=Caller("b")),
            return_exceptions=True,
        )
        assert [str(error) for error in failed] == ["thirteen", "thirteen"]
        assert await batcher.submit([1], [1], caller=Caller("a")) == [1]


@given(
    st.lists(st.tuples(st.sampled_from(CALLERS), st.integers(1, 9), st.booleans()), max_size=60),
    st.integers(1, 20),
)
def test_every_item_that_is_not_dropped_is_taken_once_and_in_its_callers_order(
    puts: list[tuple[Caller, int, bool]], budget: int
) -> None:
    queue: FairQueue[tuple[Caller, int, int]] = FairQueue()
    kept = []
    for number, (caller, cost, dropped) in enumerate(puts):
        entry = queue.put(caller, cost, (caller, cost, number))
        if dropped:
            queue.drop(entry)
        else:
            kept.append(entry.item)
    assert queue.cost == sum(cost for _, cost, _ in kept)

    taken = []
    while batch := list(queue.take(budget)):
        assert len(batch) == 1 or sum(cost for _, cost, _ in batch) <= budget
        taken += batch

    assert sorted(taken, key=lambda item: item[2]) == kept
    for caller in CALLERS:
        mine = [item for item in taken if item[0] == caller]
        assert mine == sorted(mine, key=lambda item: item[2])
    assert queue.cost == 0


@pytest.mark.parametrize("other", [Caller("b"), Caller("a", "other")])
@given(
    first=st.lists(st.integers(1, 9), min_size=20, max_size=60),
    second=st.lists(st.integers(1, 9), min_size=20, max_size=60),
)
def test_two_callers_who_both_wait_get_the_same_share(
    other: Caller, first: list[int], second: list[int]
) -> None:
    queue: FairQueue[tuple[Caller, int]] = FairQueue()
    one = Caller("a")
    for caller, costs in ((one, first), (other, second)):
        for cost in costs:
            queue.put(caller, cost, (caller, cost))

    shares = {one: 0, other: 0}
    while queue.cost_of(one) and queue.cost_of(other):
        caller, cost = next(queue.take(1))
        shares[caller] += cost
        assert abs(shares[one] - shares[other]) <= 9 + 9


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=40, max_size=90))
def test_a_peer_with_a_name_for_every_item_gets_no_more_than_a_peer_with_one(
    puts: list[tuple[bool, int]],
) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    shares = {"many": 0, "one": 0}
    for number in range(5):
        queue.put(Caller("many", str(number)), 9, ("many", 9))
        queue.put(Caller("one"), 9, ("one", 9))
    for number, (many, cost) in enumerate(puts):
        caller = Caller("many", f"new {number}") if many else Caller("one")
        queue.put(caller, cost, (caller.peer, cost))
        peer, taken = next(queue.take(1))
        shares[peer] += taken
        if not (queue.cost_of_peer("many") and queue.cost_of_peer("one")):
            break
        assert abs(shares["many"] - shares["one"]) <= 9 + 9


async def test_a_peer_cannot_fill_the_queue_with_names() -> None:
    device = Device()
    device.go.clear()
    async with batching(device, Limits(budget=100, waiting=100)) as batcher:
        calls = [asyncio.create_task(batcher.submit([0], [1], caller=Caller("first")))]
        await until(lambda: device.batches)
        calls.append(asyncio.create_task(batcher.submit([0], [1], caller=Caller("honest"))))
        names, refused = iter(range(1000)), None
        while refused is None:
            waiting = batcher.waiting_cost
            name = next(names)
            calls.append(asyncio.create_task(batcher.submit([name], [1], caller=Caller("greedy", str(name)))))
            await asyncio.sleep(0)
            if batcher.waiting_cost == waiting:
                refused = calls.pop()
        with pytest.raises(ResourceExhausted):
            await refused
        # Half of what is open, for two who wait, and a little more for names that are new.
        assert batcher.waiting_cost < 50
        for number in range(30):
            calls.append(asyncio.create_task(batcher.submit([number], [1], caller=Caller("honest"))))
        device.go.set()
        await asyncio.gather(*calls)


@pytest.mark.parametrize("always_busy", [False, True])
@pytest.mark.parametrize("callers", [lambda name: Caller(str(name)), lambda name: Caller("a", str(name))])
def test_callers_who_left_are_forgotten(callers: Callable[[int], Caller], always_busy: bool) -> None:
    queue: FairQueue[int] = FairQueue()
    if always_busy:
        queue.put(callers(-1), 10**9, -1)
        queue.put(callers(-1), 1, -1)
        assert list(queue.take(1)) == [-1]
    for number in range(10_000):
        queue.put(callers(number), 1, number)
        assert list(queue.take(1)) == [number]

    members = queue._all.members
    assert len(members) + sum(len(peer.members) for peer in members.values()) < 1_000

"""Several processes on one database, one of which is killed in the middle."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from autoflow_interpreter.executions.model import Appended
from autoflow_interpreter.executions.store import ExecutionStore
from tests.interpreter.executions.kept import LATER, NOW, append, new_execution, payloads

ROOT = Path(__file__).resolve().parents[3]

TAKING_TURNS = """
import asyncio, sys
from tests.interpreter.executions.kept import LATER, NOW, append, opened

async def take_turns(url, name):
    stored = 0
    async with opened(url) as store:
        while stored < 15:
            for execution in await store.claim(name, NOW, LATER, 2):
                held = (execution.id, execution.token)
                for number in range(3):
                    one = append(
                        execution.events + number, name.encode(), execution_id=held[0], token=held[1]
                    )
                    (told,) = await store.append([one])
                    assert told == "stored", told
                    stored += 1
                await store.release([held])
            await asyncio.sleep(0)
    print(stored)

asyncio.run(take_turns(*sys.argv[1:]))
"""
"""Takes executions over, stores three events in each, and gives them back, until it has stored fifteen."""

WRITING = """
import asyncio, sys
from autoflow_interpreter.executions.writer import GroupWriter
from tests.interpreter.executions.kept import LATER, append, new_execution, opened

async def write(writer, name):
    number = 0
    while True:
        told = await writer.write(append(number, b"%s %d" % (name.encode(), number), execution_id=name))
        assert told == "stored", told
        print(name, number, flush=True)
        number += 1

async def write_all(url):
    async with opened(url) as store:
        writer = GroupWriter(store)
        writer.start()
        for number in range(10):
            await store.insert(new_execution(f"e{number}"), "lost", LATER)
        await asyncio.gather(*(write(writer, f"e{number}") for number in range(10)))

asyncio.run(write_all(sys.argv[1]))
"""
"""Writes to ten executions for ever, and prints what is acknowledged."""


@asynccontextmanager
async def process(program: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process; killed at the end."""
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def test_processes_take_executions_from_each_other_and_lose_nothing(
    store: ExecutionStore, database_url: str
) -> None:
    for number in range(3):
        await store.insert(new_execution(f"e{number}"), "lost", NOW)
    async with (
        process(TAKING_TURNS, database_url, "one") as one,
        process(TAKING_TURNS, database_url, "two") as two,
        asyncio.timeout(60),
    ):
        answers = await asyncio.gather(one.communicate(), two.communicate())
    assert [errors for _, errors in answers] == [b"", b""]
    stored = [payload for number in range(3) for payload in await payloads(store, f"e{number}")]
    told = [int(printed) for printed, _ in answers]
    assert [stored.count(b"one"), stored.count(b"two")] == told
    for number in range(3):
        turns = await payloads(store, f"e{number}")
        threes = [set(turns[start : start + 3]) for start in range(0, len(turns), 3)]
        assert all(len(three) == 1 for three in threes), "nobody stored in between"


async def test_what_a_killed_process_had_acknowledged_is_there(
    store: ExecutionStore, database_url: str
) -> None:
    acknowledged: dict[str, int] = {}
    async with process(WRITING, database_url) as writing, asyncio.timeout(60):
        assert writing.stdout is not None
        for _ in range(200):
            name, number = (await writing.stdout.readline()).split()
            acknowledged[name.decode()] = int(number)
        writing.send_signal(signal.SIGKILL)
        for line in (await writing.stdout.read()).splitlines(keepends=True):
            if line.endswith(b"\n"):
                name, number = line.split()
                acknowledged[name.decode()] = int(number)
    for execution_id, last in acknowledged.items():
        kept = await payloads(store, execution_id)
        assert len(kept) > last
        assert kept == [b"%s %d" % (execution_id.encode(), index) for index in range(len(kept))]
        assert (await store.get(execution_id)).events == len(kept)

    for taken in await store.claim("new", LATER, LATER, 99):
        goes_on = append(taken.events, b"on", execution_id=taken.id, token=taken.token)
        assert await store.append([goes_on]) == [Appended.STORED]

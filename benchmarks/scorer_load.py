"""The scorer under twice the load that it can bear: who is refused, who waits how long, what memory it takes.

    python -m benchmarks.scorer_load --seconds 60 --model build/weights/minilm

A server in a process of its own; this process is 64 callers, each with a connection of its own. First the
rate is found that 64 callers keep up, each with one request at a time, and the latencies of single requests
that fill a batch, with nothing else going on. Then requests arrive at random (a Poisson process) at twice
that rate, whether earlier ones were answered or not. The same follows with merging off: every pair is a
batch of its own. No text occurs twice. Prints measurements (`benchmarks.report`), and ends with 1 where a
call ended in anything but an answer or RESOURCE_EXHAUSTED.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import grpc

from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScorePair
from autoflow.v1.scorer_service_pb2_grpc import ScorerServiceStub
from autoflow.v1.task_pb2 import Content
from benchmarks.processes import stop
from benchmarks.report import Measurement

CALLERS = 64
PAIRS = 4
"""Of a request."""
BATCH_TOKENS = 2048
FULL_BATCH = BATCH_TOKENS // 34
"""Pairs that fill a batch, about."""
DEADLINE = 30.0
_WORDS = (
    *("a", "the", "small", "red", "green", "blue", "ball", "boat", "house", "tree", "car", "stands", "lies"),
    *(
        "left",
        "right",
        "of",
        "beside",
        "under",
        "on",
        "grass",
        "sand",
        "night",
        "day",
        "two",
        "three",
        "stars",
    ),
)


@dataclass
class Load:
    """How the calls of a while ended."""

    codes: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    """Seconds, of those that were answered."""
    hint: float = 0.0
    """Seconds after which the last one that was refused is to come again."""

    def percentile(self, percent: int) -> float:
        """Of the latencies, in seconds."""
        return statistics.quantiles(self.latencies, n=100)[percent - 1]


class Texts:
    """Texts of which no two are equal."""

    def __init__(self) -> None:
        self._rng = random.Random(0)
        self._number = 0

    def request(self, pairs: int) -> ScoreOutputsRequest:
        """Asks for BERTScore."""
        return ScoreOutputsRequest(
            pairs=[ScorePair(output=self._text(), content=self._text()) for _ in range(pairs)],
            metrics=["bertscore"],
        )

    def _text(self) -> Content:
        self._number += 1
        words = self._rng.choices(_WORDS, k=self._rng.randint(6, 20))
        return Content(text=f"{self._number} {' '.join(words)}")


@asynccontextmanager
async def server(model: str, merging: bool) -> AsyncIterator[tuple[str, int]]:
    """A scorer in a process of its own: its address and its process id."""
    with TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "AUTOFLOW_ADDRESS": "127.0.0.1:0",
            "AUTOFLOW_LOG_LEVEL": "INFO",
            "AUTOFLOW_SCORER_PRELOAD": "bertscore",
            "AUTOFLOW_SCORER_BATCH_TOKENS": str(BATCH_TOKENS if merging else 1),
            "AUTOFLOW_SCORER_WAITING_TOKENS": str(BATCH_TOKENS),
        }
        if model:
            env["AUTOFLOW_METRICS"] = _metrics_file(Path(folder), Path(model))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "autoflow_scorer", env=env, stderr=asyncio.subprocess.PIPE
        )
        try:
            yield await _address(process), process.pid
        finally:
            await stop(process)


def _metrics_file(folder: Path, model: Path) -> str:
    file = folder / "metrics.yaml"
    file.write_text(f"metrics: {{bertscore: {{kind: bertscore, model: {model.resolve()}}}}}")
    return str(file)


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(120):
        async for line in process.stderr:
            told = json.loads(line) if line.startswith(b"{") else {}
            if "address" in told:
                # Whatever else it logs is read, so that it never waits for us.
                asyncio.get_running_loop().create_task(_read_on(process.stderr))
                return str(told["address"])
    raise RuntimeError("the scorer did not start")


async def _read_on(stream: asyncio.StreamReader) -> None:
    async for _ in stream:
        pass


@asynccontextmanager
async def callers(address: str) -> AsyncIterator[list[ScorerServiceStub]]:
    """Stubs, each with a connection of its own."""
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))
    channels = [grpc.aio.insecure_channel(address, options=options) for _ in range(CALLERS)]
    try:
        yield [ScorerServiceStub(channel) for channel in channels]
    finally:
        await asyncio.gather(*(channel.close() for channel in channels))


async def call(stub: ScorerServiceStub, request: ScoreOutputsRequest, load: Load) -> None:
    """Makes one call and notes how it ends."""
    started = time.perf_counter()
    try:
        await cast("Awaitable[object]", stub.ScoreOutputs(request, timeout=DEADLINE))
    except grpc.aio.AioRpcError as error:
        load.codes[error.code().name] += 1
        load.hint = _hint(error)
        return
    load.codes["OK"] += 1
    load.latencies.append(time.perf_counter() - started)


def _hint(error: grpc.aio.AioRpcError) -> float:
    """The push-back of a refusal, in seconds."""
    metadata = error.trailing_metadata() or ()
    return next((int(value) / 1000 for key, value in metadata if key == "grpc-retry-pushback-ms"), 0.1)


async def closed(stubs: Sequence[ScorerServiceStub], texts: Texts, seconds: float) -> float:
    """The requests a second that callers keep up, each with one at a time; the refused wait as told."""
    load, end = Load(), time.perf_counter() + seconds

    async def caller(stub: ScorerServiceStub) -> None:
        while time.perf_counter() < end:
            refused = load.codes["RESOURCE_EXHAUSTED"]
            await call(stub, texts.request(PAIRS), load)
            if load.codes["RESOURCE_EXHAUSTED"] > refused:
                await asyncio.sleep(load.hint)

    await asyncio.gather(*(caller(stub) for stub in stubs))
    return load.codes["OK"] / seconds


async def open_loop(stubs: Sequence[ScorerServiceStub], texts: Texts, rate: float, seconds: float) -> Load:
    """Requests at random times, whether earlier ones were answered or not."""
    load, rng, end = Load(), random.Random(1), time.perf_counter() + seconds
    at = time.perf_counter()
    async with asyncio.TaskGroup() as calls:
        while (at := at + rng.expovariate(rate)) < end:
            await asyncio.sleep(at - time.perf_counter())
            calls.create_task(call(rng.choice(stubs), texts.request(PAIRS), load))
    return load


def memory(pid: int) -> tuple[float, float]:
    """A process's memory now and at its highest, in MiB."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    now, highest = (int(told[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, highest


async def measure(model: str, merging: bool, seconds: float) -> tuple[Load, dict[str, float]]:
    """One server's load, and its figures."""
    texts = Texts()
    async with server(model, merging) as (address, pid), callers(address) as stubs:
        await closed(stubs, texts, 3)
        rate = await closed(stubs, texts, 8)
        unloaded = Load()
        for _ in range(100 if merging else 2):
            await call(stubs[0], texts.request(FULL_BATCH), unloaded)
        before, _ = memory(pid)
        load = await open_loop(stubs, texts, 2 * rate, seconds)
        _, highest = memory(pid)
    figures = {
        "sustained_pairs_per_second": rate * PAIRS,
        "offered_pairs_per_second": sum(load.codes.values()) / seconds * PAIRS,
        "answered_pairs_per_second": load.codes["OK"] / seconds * PAIRS,
        "full_batch_unloaded_p99_ms": unloaded.percentile(99) * 1000,
        "accepted_p50_ms": load.percentile(50) * 1000,
        "accepted_p99_ms": load.percentile(99) * 1000,
        "memory_before_mib": before,
        "memory_highest_mib": highest,
    }
    return load, figures


async def run(model: str, seconds: float) -> int:
    """Measures with merging and without, and prints what was found."""
    with_, merged = await measure(model, True, seconds)
    without, single = await measure(model, False, seconds / 3)
    conditions = (
        f"{CALLERS} callers, {PAIRS} pairs a request, {seconds:.0f} s at twice the rate sustained; "
        f"model {Path(model).name or 'shipped'}"
    )
    Measurement(
        "scorer.overload_p99",
        "ms",
        merged["full_batch_unloaded_p99_ms"],
        merged["accepted_p99_ms"],
        merged["full_batch_unloaded_p99_ms"] / merged["accepted_p99_ms"],
        "lower",
        f"baseline: a full batch unloaded; {conditions}; {json.dumps(merged)}; {dict(with_.codes)}",
    ).tell()
    Measurement(
        "scorer.merging",
        "pairs/s",
        single["answered_pairs_per_second"],
        merged["answered_pairs_per_second"],
        merged["answered_pairs_per_second"] / single["answered_pairs_per_second"],
        "higher",
        f"baseline: every pair a batch of its own; {conditions}; {json.dumps(single)}; {dict(without.codes)}",
    ).tell()
    wrong = (with_.codes.keys() | without.codes.keys()) - {"OK", "RESOURCE_EXHAUSTED"}
    return int(bool(wrong))


def main() -> int:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", default="", help="a folder of a text encoder; the shipped one by default")
    arguments = parser.parse_args()
    return asyncio.run(run(arguments.model, arguments.seconds))


if __name__ == "__main__":
    sys.exit(main())

"""Creates a suite of 185 tasks with 8 pictures of 50 KB each: `python -m benchmarks.suite_upload`.

The trainer is a process of its own, with SQLite and a folder of artifacts. Prints one JSON object: how long
the suite took to be created, and to be sent again when it was there; the memory that the trainer and this
process had at most, and the trainer before; and how long the slowest of other calls took that were made
meanwhile, one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoflow.client import Client, errors
from autoflow.client.trainer import TrainerClient
from autoflow.v1 import task_pb2
from autoflow.v1.trainer_service_pb2 import CreateSuiteRequest, ListSuitesRequest

_ADDRESS = "127.0.0.1:50954"
_NOWHERE = ("GENERATOR", "INTERPRETER", "SCORER")
_TEXT, _IMAGE = task_pb2.CONTENT_TYPE_TEXT, task_pb2.CONTENT_TYPE_IMAGE
_SPLITS = (task_pb2.SPLIT_TRAIN, task_pb2.SPLIT_VALIDATION, task_pb2.SPLIT_TEST)
_TOOL = task_pb2.Tool(name="Image Captioning", inputs=[_IMAGE], output=_TEXT)


@dataclass(frozen=True)
class Upload:
    """The requests; they are made when they are asked for."""

    tasks: int
    samples: int
    picture_bytes: int

    def __iter__(self) -> Iterator[CreateSuiteRequest]:
        """Goes through them from the first."""
        draw = random.Random(0)
        head = task_pb2.TaskSuite(title="large", goal="Plan.", tools=[_TOOL])
        yield CreateSuiteRequest(suite=head)
        for number in range(self.tasks):
            yield CreateSuiteRequest(
                task=task_pb2.Task(
                    id=f"task {number}",
                    split=_SPLITS[number % 3],
                    query=f"Describe picture {number}.",
                    output=_TEXT,
                    accepted=[task_pb2.Plan(tools=[_TOOL.name])],
                )
            )
            for _ in range(self.samples):
                # It begins as a picture, which is all that is looked at.
                picture = b"\x89PNG\r\n\x1a\n" + draw.randbytes(self.picture_bytes - 8)
                sample = task_pb2.Sample(
                    inputs=[task_pb2.Content(image=picture)], reference=task_pb2.Content(text="a thing")
                )
                yield CreateSuiteRequest(sample=sample)


class Others:
    """Calls that somebody else makes meanwhile, one after the other."""

    def __init__(self, trainer: TrainerClient) -> None:
        self._trainer = trainer
        self.slowest = 0.0
        """Seconds."""

    async def go_on(self) -> None:
        """Calls until it is cancelled."""
        while True:
            started = time.perf_counter()
            await self._trainer.list_suites(ListSuitesRequest())
            self.slowest = max(self.slowest, time.perf_counter() - started)
            await asyncio.sleep(0.05)


async def measure(upload: Upload, trainer_process: int) -> dict[str, object]:
    """Creates the suite twice."""
    # Two connections: one client does not wait for the other's writes.
    async with Client(trainer=_ADDRESS) as client, Client(trainer=_ADDRESS) as other:
        await _started(other.trainer)
        before = _most_memory(trainer_process)
        others = Others(other.trainer)
        asking = asyncio.create_task(others.go_on())
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            await client.trainer.create_suite(upload)
            seconds.append(round(time.perf_counter() - started, 2))
        asking.cancel()
    return {
        "tasks": upload.tasks,
        "samples": upload.samples,
        "picture_bytes": upload.picture_bytes,
        "seconds": seconds[0],
        "seconds_again": seconds[1],
        "trainer_mib_before": before >> 10,
        "trainer_mib": _most_memory(trainer_process) >> 10,
        "client_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "slowest_other_call_ms": round(others.slowest * 1000),
    }


async def _started(trainer: TrainerClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await trainer.list_suites(ListSuitesRequest())
                return
            except errors.Unavailable:
                await asyncio.sleep(0.2)


def _most_memory(process: int) -> int:
    """The most that a process had so far, in KiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found is not None
    return int(found[1])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=185)
    parser.add_argument("--samples", type=int, default=8, help="of a task, at most 64")
    parser.add_argument("--picture-bytes", type=int, default=50_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "AUTOFLOW_ADDRESS": _ADDRESS,
            "AUTOFLOW_ARTIFACTS": f"{folder}/artifacts",
            "AUTOFLOW_TRAINER_DATA": f"{folder}/trainer",
            "AUTOFLOW_TRAINER_ADDRESS": _ADDRESS,
            "AUTOFLOW_LOG_LEVEL": "WARNING",
            **{f"AUTOFLOW_{name}_ADDRESS": "127.0.0.1:9" for name in _NOWHERE},
        }
        trainer = subprocess.Popen([sys.executable, "-P", "-m", "autoflow_trainer"], env=env)
        try:
            upload = Upload(given.tasks, given.samples, given.picture_bytes)
            print(json.dumps(asyncio.run(measure(upload, trainer.pid))))
        finally:
            trainer.terminate()
            trainer.wait(60)


if __name__ == "__main__":
    main()

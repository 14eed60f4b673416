"""What a call costs: a bare grpc.aio echo, the runtime's own echo, and LintWorkflow, in one go.

    python benchmarks/server_runtime.py --calls 4000 --callers 64 --rounds 5

Every text is another workflow of eight steps. The echoes answer LintWorkflow as well, with a canned answer of
the size that a lint of such a text has, so all three move the same bytes. All servers live in this process;
the client is a process of its own. The three take turns, and the figures are medians over rounds. The runtime
logs to nowhere. Prints JSON; latencies are in milliseconds as the callers see them, so with many callers they
are mostly time spent waiting for their turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import sys
import time
from functools import partial
from typing import Any

import grpc

from autoflow.server import Endpoint, Service, serve
from autoflow.testing import ScriptedModel, catalogue_of
from autoflow.v1.generator_service_pb2 import LintWorkflowRequest, LintWorkflowResponse
from autoflow.v1.generator_service_pb2_grpc import (
    GeneratorServiceServicer,
    GeneratorServiceStub,
    add_GeneratorServiceServicer_to_server,
)
from autoflow.v1.workflow_pb2 import Workflow
from autoflow_generator.service import build

STEPS = 8


def text(number: int) -> str:
    """A workflow that no other number has."""
    lines = [
        f"Step {step}:::process:::Note what part {step} of task {number:08} needs.:::next::Step {step + 1}"
        for step in range(1, STEPS)
    ]
    return "\n".join([*lines, f"Step {STEPS}:::terminal:::Write the plan."])


def request(number: int) -> LintWorkflowRequest:
    """Asks for a lint of that workflow."""
    return LintWorkflowRequest(workflow=Workflow(source=text(number)))


class Echo(GeneratorServiceServicer):
    """Answers LintWorkflow with the same answer always.

    Args:
        answer: the answer.
    """

    def __init__(self, answer: LintWorkflowResponse) -> None:
        self._answer = answer

    async def LintWorkflow(self, asked: LintWorkflowRequest, context: Any) -> LintWorkflowResponse:
        """Answers."""
        return self._answer


async def measure(address: str, first: int, calls: int, callers: int) -> None:
    """The client's process: prints the median latency and the calls per second.

    Args:
        address: of the server.
        first: number of the first workflow.
        calls: how many calls.
        callers: how many at a time.
    """
    requests = [request(first + index) for index in range(calls)]
    seconds: list[float] = []
    async with grpc.aio.insecure_channel(address) as channel:
        method = GeneratorServiceStub(channel).LintWorkflow
        await asyncio.gather(
            *(method(request(first + calls + index), timeout=30) for index in range(callers))
        )

        async def caller() -> None:
            while requests:
                wanted, started = requests.pop(), time.perf_counter()
                await method(wanted, timeout=60)
                seconds.append(time.perf_counter() - started)

        started = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(callers)))
        taken = time.perf_counter() - started
    print(json.dumps({"median_ms": 1000 * statistics.median(seconds), "per_second": calls / taken}))


async def _client(address: str, first: int, calls: int, callers: int) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--client", address, str(first), str(calls), str(callers),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(300):
        out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the client ended with {process.returncode}")
    figures: dict[str, float] = json.loads(out)
    return figures


async def compare(calls: int, callers: int, rounds: int) -> dict[str, Any]:
    """Measures the three in turns.

    Args:
        calls: of each server in each round.
        callers: at a time.
        rounds: how many.
    """
    lint = build({}, catalogue_of(ScriptedModel(lambda _: "")))
    async with await serve(lint) as linting:
        async with grpc.aio.insecure_channel(linting.address) as channel:
            answer = await GeneratorServiceStub(channel).LintWorkflow(request(0))
        echo_servicer = Echo(answer)  # type: ignore[abstract]
        register = partial(add_GeneratorServiceServicer_to_server, echo_servicer)
        bare = grpc.aio.server()
        register(bare)
        port = bare.add_insecure_port("127.0.0.1:0")
        await bare.start()
        echo = Service("echo", (Endpoint("autoflow.v1.GeneratorService", register),))
        async with await serve(echo) as echoing:
            addresses = {
                "bare_echo": f"127.0.0.1:{port}",
                "runtime_echo": echoing.address,
                "lint": linting.address,
            }
            found: dict[str, list[dict[str, float]]] = {name: [] for name in addresses}
            for number in range(rounds):
                for index, (name, address) in enumerate(addresses.items()):
                    first = (number * len(addresses) + index) * 1_000_000 + 1
                    found[name].append(await _client(address, first, calls, callers))
        await bare.stop(0)
    return _summary(found, answer)


def _summary(found: dict[str, list[dict[str, float]]], answer: LintWorkflowResponse) -> dict[str, Any]:
    def ratio(upper: str, lower: str) -> float:
        pairs = zip(found[upper], found[lower], strict=True)
        return round(statistics.median(a["median_ms"] / b["median_ms"] for a, b in pairs), 3)

    figures: dict[str, Any] = {
        name: {key: round(statistics.median(one[key] for one in rounds), 2) for key in rounds[0]}
        for name, rounds in found.items()
    }
    return figures | {
        "request_bytes": request(0).ByteSize(),
        "answer_bytes": answer.ByteSize(),
        "runtime_echo_over_bare_echo": ratio("runtime_echo", "bare_echo"),
        "lint_over_runtime_echo": ratio("lint", "runtime_echo"),
    }


def main(arguments: list[str]) -> None:
    """Measures and prints; with `--client`, is the client's process."""
    if arguments[:1] == ["--client"]:
        address, first, calls, callers = arguments[1:]
        asyncio.run(measure(address, int(first), int(calls), int(callers)))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=4000, help="of each server in each round")
    parser.add_argument("--callers", type=int, default=64, help="calls at a time")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    logging.disable()
    print(json.dumps(asyncio.run(compare(options.calls, options.callers, options.rounds)), indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])

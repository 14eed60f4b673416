"""What a call costs: a bare grpc.aio echo, the runtime's own echo, and LintWorkflow, in one go.

    python -m benchmarks.server_runtime --calls 4000 --callers 64 --rounds 5

Every text is another workflow of eight steps. The echoes answer LintWorkflow as well, with a canned answer of
the size that a lint of such a text has, so all three move the same bytes. All servers live in this process;
the client is a process of its own. The three take turns, and the figures are medians over rounds. The runtime
logs to nowhere. Prints measurements (`benchmarks.report`): latencies in milliseconds as the callers see them,
with many callers mostly time spent waiting for their turn; and the CPU time of this process for each call, as
wall times mean little on a machine with other work.
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
from typing import Any, TypeAlias

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
from benchmarks.report import Measurement

STEPS = 8

_Found: TypeAlias = dict[str, list[dict[str, float]]]
"""What each server took, round by round."""


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
    started = time.process_time()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.server_runtime",
        "--client", address, str(first), str(calls), str(callers),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(300):
        out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the client ended with {process.returncode}")
    figures: dict[str, float] = json.loads(out)
    # Each caller makes one call before those that are measured.
    return {**figures, "cpu_ms": 1000 * (time.process_time() - started) / (calls + callers)}


async def compare(calls: int, callers: int, rounds: int) -> list[Measurement]:
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
            found: _Found = {name: [] for name in addresses}
            for number in range(rounds):
                for index, (name, address) in enumerate(addresses.items()):
                    first = (number * len(addresses) + index) * 1_000_000 + 1
                    found[name].append(await _client(address, first, calls, callers))
        await bare.stop(0)
    size = f"{request(0).ByteSize()} bytes asked, {answer.ByteSize()} answered"
    return _measurements(found, f"{calls} calls, {callers} at a time; {size}")


def _measurements(found: _Found, conditions: str) -> list[Measurement]:
    def median(server: str, figure: str) -> float:
        return statistics.median(one[figure] for one in found[server])

    def compared(name: str, figure: str, unit: str, ours: str, baseline: str) -> Measurement:
        pairs = zip(found[baseline], found[ours], strict=True)
        speeds = ", ".join(f"{each} {median(each, 'per_second'):.0f} calls/s" for each in (baseline, ours))
        return Measurement(
            name,
            unit,
            baseline=median(baseline, figure),
            ours=median(ours, figure),
            ratio=statistics.median(theirs[figure] / own[figure] for theirs, own in pairs),
            better="lower",
            conditions=f"baseline: {baseline}; {conditions}; {speeds}",
        )

    echo, lint = ("runtime_echo", "bare_echo"), ("lint", "runtime_echo")
    return [
        compared("server.echo_over_bare_echo", "median_ms", "ms", *echo),
        compared("server.lint_over_echo", "median_ms", "ms", *lint),
        compared("server.cpu_of_echo_over_bare_echo", "cpu_ms", "server CPU ms a call", *echo),
        compared("server.cpu_of_lint_over_echo", "cpu_ms", "server CPU ms a call", *lint),
    ]


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
    for measurement in asyncio.run(compare(options.calls, options.callers, options.rounds)):
        measurement.tell()


if __name__ == "__main__":
    main(sys.argv[1:])

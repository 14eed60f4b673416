"""The provider of tools in TypeScript, as a process, in place of two of the built-in experts.

`make` builds it when it has changed. Skipped where there is no npm, which `make lint` needs.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import autoflow_experts
import autoflow_interpreter
import autoflow_scorer
from autoflow.client import Client, errors
from autoflow.convert import content_to_proto, tool_from_proto
from autoflow.suites import Content, Split, Task, load_suite
from autoflow.suites.planning import TOOLS, Fault
from autoflow.suites.scenes import scene
from autoflow.testing import catalogue_of, serving
from autoflow.v1 import task_pb2
from autoflow.v1.tool_service_pb2 import CallToolRequest, ListToolsRequest, ToolSample
from autoflow.v1.tool_service_pb2_grpc import ToolServiceStub
from autoflow_worker.executed import ExecutedScorer
from autoflow_worker.plan_calls import PlanCalls
from tests.cli.harness import DEADLINE, ROOT
from tests.experts.tools import psnr, shown

SUITE = load_suite("planning")
FOLDER = Path("examples/typescript-tools")

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm, which `make lint` needs")


@dataclass(frozen=True, slots=True)
class Served:
    """The provider's process."""

    address: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """Asks it to end in order."""
        self.process.send_signal(signal.SIGTERM)

    async def logged(self) -> list[dict[str, Any]]:
        """What it has said when it has ended, a line for each call."""
        _, said = await asyncio.to_thread(self.process.communicate, timeout=DEADLINE)
        assert self.process.returncode == 0, said
        return [json.loads(line) for line in said.splitlines()]


@contextmanager
def typescript(**env: str) -> Iterator[Served]:
    command = ["node", str(FOLDER / "dist/src/main.js"), "127.0.0.1:0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        try:
            # A test that waits for a line in vain is ended by its time limit.
            yield Served(process.stdout.readline().strip(), process)
        finally:
            process.kill()


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    target = FOLDER / "dist" / ".built"
    subprocess.run(["make", "--silent", target], cwd=ROOT, check=True, timeout=100, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def address(built: None) -> Iterator[str]:
    """Of one for all tests that only ask."""
    with typescript() as served:
        yield served.address


def asking(tool: str, *samples: tuple[Content, ...]) -> CallToolRequest:
    return CallToolRequest(
        tool=tool, samples=[ToolSample(inputs=map(content_to_proto, sample)) for sample in samples]
    )


def task_with(*plan: str) -> Task:
    return next(task for split in Split for task in SUITE.tasks(split) if task.accepted[0] == plan)


TASKS = [
    task_with("Image Denoising"),
    task_with("Image Denoising", "Image Deblurring", "Image Captioning", "Machine Translation"),
    task_with("Text Summarization"),
    task_with("Fill Mask", "Text Summarization", "Machine Translation"),
]


@asynccontextmanager
async def earning(*providers: str) -> AsyncIterator[ExecutedScorer]:
    """What earns the suite's rewards with the tools of these providers."""
    env = {"AUTOFLOW_TOOL_PROVIDERS": ", ".join(providers)}
    async with AsyncExitStack() as stack:
        interpreter = await stack.enter_async_context(
            serving(autoflow_interpreter.build(env, catalogue_of()))
        )
        scorer = await stack.enter_async_context(serving(autoflow_scorer.build({})))
        client = await stack.enter_async_context(Client(interpreter=interpreter, scorer=scorer))
        earned = ExecutedScorer(PlanCalls(client.interpreter, client.scorer), SUITE, samples=2)
        yield earned
        await earned.close()


async def test_the_suite_runs_with_an_expert_in_typescript() -> None:
    answers = [(", ".join(task.accepted[0]), task) for task in TASKS]
    async with serving(autoflow_experts.build({})) as experts:
        with typescript() as served:
            async with earning(served.address, experts) as scorer:
                ours = await scorer.score(answers)
            served.stop()
            logged = await served.logged()
        async with earning(experts) as scorer:
            built_in = await scorer.score(answers)

    # Every plan of these uses one of its tools, on two samples.
    assert sorted((call["tool"], call["samples"], call["code"]) for call in logged) == [
        ("Image Denoising", 2, "OK"),
        ("Image Denoising", 2, "OK"),
        ("Text Summarization", 2, "OK"),
        ("Text Summarization", 2, "OK"),
    ]
    for mine, theirs in zip(ours, built_in, strict=True):
        assert mine.plan_valid
        assert mine.reward > 0.8 * theirs.reward > 0


async def test_its_tools_have_the_types_of_the_suites(address: str) -> None:
    async with Client(experts=address) as client:
        listed = (await client.experts.list_tools(ListToolsRequest())).tools

    by_name = {tool.name: tool for tool in TOOLS}
    assert [tool_from_proto(tool) for tool in listed] == [
        by_name["Image Denoising"],
        by_name["Text Summarization"],
    ]


async def test_noise_becomes_less(address: str) -> None:
    scenes = [scene(number) for number in range(4)]
    noisy = [shown(each, Fault.NOISE) for each in scenes]
    async with Client(experts=address) as client:
        asked = asking("Image Denoising", *[(each,) for each in noisy])
        results = (await client.experts.call_tool(asked)).results

    for before, result, each in zip(noisy, results, scenes, strict=True):
        assert psnr(result.output.image, each) > psnr(before, each) + 6


async def test_a_sample_that_cannot_be_done_fails_alone(address: str) -> None:
    good = shown(scene(15), Fault.NOISE)
    huge = good[:16] + (100_000).to_bytes(4) * 2 + good[24:]
    asked = asking("Image Denoising", (good,), (b"no picture",), (good[:-40],), (huge,))
    async with Client(experts=address) as client:
        results = (await client.experts.call_tool(asked)).results

    assert results[0].output.image
    assert [result.failure.message for result in results[1:]] == [
        "the picture is no PNG, which is all that is read here",
        "the picture's pixels are damaged or cut off",
        "the picture has 100000 x 100000 pixels, but at most 1048576 are allowed",
    ]


@pytest.mark.parametrize(
    ("asked", "kind", "told"),
    [
        (asking("Mind Reading", ("a text",)), errors.NotFound, 'no tool is named "Mind Reading"'),
        (asking("Text Summarization", (b"p",)), errors.InvalidArgument, r"samples\[0\].inputs\[0\]: .* text"),
        (
            asking("Text Summarization", ("a",), ("a", "b")),
            errors.InvalidArgument,
            r"samples\[1\].inputs: .* 2 inputs",
        ),
        (asking("Text Summarization"), errors.InvalidArgument, "samples: 1 to 64"),
        (asking("Text Summarization", *[("a",)] * 65), errors.InvalidArgument, "samples: 1 to 64"),
        (asking("Text Summarization", ("a" * 100_001,)), errors.InvalidArgument, "100000 characters"),
        (asking("Image Denoising", (b"p" * (2**20 + 1),)), errors.InvalidArgument, "1048576 bytes"),
        (
            CallToolRequest(tool="Text Summarization", samples=[ToolSample(inputs=[task_pb2.Content()])]),
            errors.InvalidArgument,
            "not nothing",
        ),
    ],
)
async def test_what_is_wrong_with_a_call_is_its_error(
    address: str, asked: CallToolRequest, kind: type[errors.RpcError], told: str
) -> None:
    async with Client(experts=address) as client:
        with pytest.raises(kind, match=told):
            await client.experts.call_tool(asked)


async def test_it_says_that_it_is_healthy(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "autoflow.v1.ToolService"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_one_call_too_many_is_refused() -> None:
    noisy = (shown(scene(15), Fault.NOISE),)
    with typescript(MAX_CALLS="1") as served:
        async with Client(experts=served.address) as client, grpc.aio.insecure_channel(served.address) as raw:
            # The long call is tried again where a short one was in its way; short ones are tried once.
            long = asyncio.create_task(client.experts.call_tool(asking("Image Denoising", *[noisy] * 64)))
            short = ToolServiceStub(raw).CallTool
            refused: grpc.aio.AioRpcError | None = None
            async with asyncio.timeout(DEADLINE):
                while refused is None:
                    await asyncio.sleep(0.05)
                    try:
                        await short(asking("Text Summarization", ("a text",)))
                    except grpc.aio.AioRpcError as error:
                        refused = error
            long.cancel()
            await asyncio.wait([long])
        assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "1 calls are under way" in (refused.details() or "")


async def test_calls_under_way_end_before_it_stops() -> None:
    noisy = (shown(scene(15), Fault.NOISE),)
    with typescript() as served:
        async with Client(experts=served.address) as client:
            call = asyncio.create_task(client.experts.call_tool(asking("Image Denoising", *[noisy] * 4)))
            # Answered between two samples: by then the call is under way.
            await client.experts.list_tools(ListToolsRequest())
            served.stop()
            assert len((await call).results) == 4
        assert [call["code"] for call in await served.logged()] == ["OK"]


async def test_a_call_that_is_given_up_ends() -> None:
    noisy = (shown(scene(15), Fault.NOISE),)
    with typescript() as served:
        async with Client(experts=served.address) as client:
            with pytest.raises(errors.DeadlineExceeded):
                await client.experts.call_tool(asking("Image Denoising", *[noisy] * 64), timeout=0.5)
        served.stop()
        assert [call["code"] for call in await served.logged()] == ["CANCELLED"]

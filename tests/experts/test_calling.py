"""The service over a real channel, with experts made for the purpose."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from autoflow.admission import Admission
from autoflow.client import Client, ClientSettings, RetrySettings, errors
from autoflow.suites import ContentType, Tool
from autoflow.testing import serving
from autoflow.v1.task_pb2 import CONTENT_TYPE_IMAGE, CONTENT_TYPE_TEXT, Content
from autoflow.v1.tool_service_pb2 import CallToolRequest, ListToolsRequest, ToolResult, ToolSample
from autoflow_experts.cache import ResultCache
from autoflow_experts.calling import Experts
from autoflow_experts.experts import Inputs, Result, Unusable, Weightless, one_by_one
from autoflow_experts.service import wire
from autoflow_experts.settings import ExpertsSettings

_T, _I = ContentType.TEXT, ContentType.IMAGE
JOIN = Tool("Join", "joins a picture and a text", (_I, _T), _T)
ECHO = Tool("Echo", "says it again", (_T,), _T)


def joined(inputs: Inputs) -> str:
    picture, text = inputs
    assert isinstance(picture, bytes)
    if not text:
        raise Unusable("there is no text")
    return f"{picture.decode()} {text!s}"


class Slow:
    """An expert that waits before each sample until it may go on."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.begun = 0
        self.arrived = threading.Event()

    def __call__(self, samples: Sequence[Inputs]) -> Iterator[Result]:
        for sample in samples:
            self.begun += 1
            self.arrived.set()
            if not self.gate.acquire(timeout=30):
                raise AssertionError("nobody opened the gate")
            yield sample[0]

    async def wait(self) -> None:
        assert await asyncio.to_thread(self.arrived.wait, 30)


def sample(*contents: str | bytes) -> ToolSample:
    return ToolSample(
        inputs=[Content(text=one) if isinstance(one, str) else Content(image=one) for one in contents]
    )


def echo(*texts: str) -> CallToolRequest:
    return CallToolRequest(tool="Echo", samples=[sample(text) for text in texts])


async def test_tools_are_listed_in_the_order_of_their_names() -> None:
    service = wire([one_by_one(JOIN, joined), one_by_one(ECHO, lambda i: i[0])], ExpertsSettings())
    async with serving(service) as address, Client(experts=address) as client:
        tools = (await client.experts.list_tools(ListToolsRequest())).tools
    assert [(tool.name, list(tool.inputs), tool.output) for tool in tools] == [
        ("Echo", [CONTENT_TYPE_TEXT], CONTENT_TYPE_TEXT),
        ("Join", [CONTENT_TYPE_IMAGE, CONTENT_TYPE_TEXT], CONTENT_TYPE_TEXT),
    ]


async def test_each_sample_has_its_own_result() -> None:
    request = CallToolRequest(tool="Join", samples=[sample(b"a", "b"), sample(b"a", ""), sample(b"c", "d")])
    async with (
        serving(wire([one_by_one(JOIN, joined)], ExpertsSettings())) as address,
        Client(experts=address) as client,
    ):
        results = (await client.experts.call_tool(request)).results
    assert [told(result) for result in results] == ["a b", "failure: there is no text", "c d"]


@pytest.mark.parametrize(
    ("inputs", "field", "message"),
    [
        ((b"a",), "samples[1].inputs", "'Join' takes one image and one text, not 1 inputs"),
        (("a", "b"), "samples[1].inputs[0]", "'Join' takes image here, not text"),
        ((b"a", b"b"), "samples[1].inputs[1]", "'Join' takes text here, not image"),
    ],
)
async def test_inputs_that_a_tool_does_not_take_are_refused(
    inputs: tuple[str | bytes, ...], field: str, message: str
) -> None:
    request = CallToolRequest(tool="Join", samples=[sample(b"a", "b"), sample(*inputs)])
    service = wire([one_by_one(JOIN, joined)], ExpertsSettings())
    async with serving(service) as address, Client(experts=address) as client:
        with pytest.raises(errors.InvalidArgument, match=message) as refused:
            await client.experts.call_tool(request)
    assert [violation.field for violation in refused.value.details.violations] == [field]


async def test_an_unknown_tool_is_told_with_those_there_are() -> None:
    service = wire([one_by_one(JOIN, joined)], ExpertsSettings())
    async with serving(service) as address, Client(experts=address) as client:
        with pytest.raises(errors.NotFound, match="no tool is named 'Echo'; there are: Join"):
            await client.experts.call_tool(echo("a"))


async def test_one_call_too_many_is_refused_and_the_others_end() -> None:
    slow = Slow()
    service = wire([Weightless(ECHO, slow)], ExpertsSettings(experts_max_calls=1))
    once = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01))
    async with serving(service) as address, Client(experts=address, settings=once) as client:
        first = asyncio.create_task(client.experts.call_tool(echo("a")))
        await slow.wait()
        with pytest.raises(errors.ResourceExhausted, match="1 calls are under way"):
            await client.experts.call_tool(echo("b"))
        slow.gate.release(10)
        assert [told(result) for result in (await first).results] == ["a"]


async def test_a_call_that_is_given_up_ends_with_the_sample_that_is_worked_on() -> None:
    slow = Slow()
    with ThreadPoolExecutor(1) as executor:
        experts = Experts([Weightless(ECHO, slow)], executor, Admission(2, "calls"), ResultCache(0))
        at_work = asyncio.create_task(experts.call("Echo", [["a"], ["b"], ["c"]]))
        await slow.wait()
        waiting = asyncio.create_task(experts.call("Echo", [["d"]]))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        at_work.cancel()
        await asyncio.sleep(0)
        assert not at_work.done()
        slow.gate.release(10)
        with pytest.raises(asyncio.CancelledError):
            await at_work
        slow.gate.release(10)
        assert await experts.call("Echo", [["e"]]) == ["e"]
    assert slow.begun == 2


def told(result: ToolResult) -> str:
    return f"failure: {result.failure.message}" if result.HasField("failure") else result.output.text

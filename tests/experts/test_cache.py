"""What is kept of results: equal samples alone share one, and memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from autoflow.client import Client
from autoflow.suites import ContentType, Tool
from autoflow.testing import serving
from autoflow.v1.task_pb2 import Content
from autoflow.v1.tool_service_pb2 import CallToolRequest, ToolSample
from autoflow_experts.cache import ResultCache, result_key
from autoflow_experts.experts import Failure, Inputs, Result, Weightless
from autoflow_experts.service import wire
from autoflow_experts.settings import ExpertsSettings

CONTENTS = st.lists(st.text(max_size=3) | st.binary(max_size=3), max_size=3)


@given(CONTENTS, CONTENTS)
def test_equal_inputs_alone_have_equal_keys(one: list[str | bytes], other: list[str | bytes]) -> None:
    assert (result_key("A", one) == result_key("A", other)) == (one == other)
    assert result_key("A", one) != result_key("B", one)


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=400)), max_size=60))
def test_what_is_held_is_the_latest_and_never_too_much(puts: list[tuple[int, bytes]]) -> None:
    cache, latest = ResultCache(2_000), dict[bytes, bytes]()
    for number, result in puts:
        key = bytes([number])
        cache.put(key, result)
        latest[key] = result
        assert cache.size <= 2_000
        assert cache.get(key) == result
    held = {key: found for key in latest if (found := cache.get(key)) is not None}
    assert held.items() <= latest.items()
    assert cache.size == sum(200 + len(latest[key]) for key in held)


def test_the_least_recently_used_goes_first() -> None:
    cache = ResultCache(650)
    for key in (b"a", b"b", b"c"):
        cache.put(key, "x")
    assert cache.get(b"a") == "x"
    cache.put(b"d", Failure("no"))
    assert [cache.get(key) for key in (b"a", b"b", b"c", b"d")] == ["x", None, "x", Failure("no")]


class Counting:
    """An expert that says how often it was asked before."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, samples: Sequence[Inputs]) -> Iterator[Result]:
        for _ in samples:
            self.asked += 1
            yield f"{self.asked}"


async def answers(settings: ExpertsSettings, *batches: str) -> list[list[str]]:
    """What an expert says to batches of texts of one letter, one call after the other."""
    expert = Weightless(Tool("Count", "counts", (ContentType.TEXT,), ContentType.TEXT), Counting())
    said = []
    async with serving(wire([expert], settings)) as address, Client(experts=address) as client:
        for batch in batches:
            samples = [ToolSample(inputs=[Content(text=letter)]) for letter in batch]
            response = await client.experts.call_tool(CallToolRequest(tool="Count", samples=samples))
            said.append([result.output.text for result in response.results])
    return said


async def test_an_expert_is_asked_once_for_equal_samples() -> None:
    assert await answers(ExpertsSettings(), "aba", "cb", "b") == [["1", "2", "1"], ["3", "2"], ["2"]]


async def test_keeping_nothing_asks_again_in_every_call() -> None:
    assert await answers(ExpertsSettings(experts_cache_bytes=0), "ab", "b") == [["1", "2"], ["3"]]

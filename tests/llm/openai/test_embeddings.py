"""Embeddings by an endpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.llm import ModelRejected, ModelUnavailable
from autoflow.llm.descriptions import Prices
from autoflow.llm.openai import Endpoint, OpenAIEmbedder
from autoflow.llm.openai.answers import Nonsense
from autoflow.llm.openai.embeddings import read_vectors
from autoflow.testing import Fault, FaultPlan, ScriptedEndpoint
from autoflow.testing.endpoint_answers import embeddings_answer
from tests.llm.openai.bench import KEY


def lengths(text: str) -> list[float]:
    return [float(len(text)), float(text.count("a"))]


@asynccontextmanager
async def embedding(
    faults: FaultPlan | None = None, **fields: Any
) -> AsyncIterator[tuple[OpenAIEmbedder, ScriptedEndpoint]]:
    async with ScriptedEndpoint.serving(lambda _: "never", faults, embed=lengths) as endpoint:
        described = {"name": "vectors", "model": "small", "api_key": KEY, "backoff": 0.0, **fields}
        embedder = OpenAIEmbedder(Endpoint(base_url=endpoint.base_url, **described))
        try:
            yield embedder, endpoint
        finally:
            await embedder.close()


async def test_each_text_has_its_vector_and_the_cost_is_told() -> None:
    async with embedding(prices=Prices(prompt=0.5)) as (embedder, endpoint):
        vectors, usage = await embedder.embed(["banana", "two words", ""])

    assert vectors == ((6.0, 3.0), (9.0, 0.0), (0.0, 0.0))
    assert (usage.calls, usage.prompt_tokens, usage.completion_tokens) == (1, 3, 0)
    assert usage.cost_usd == pytest.approx(1.5e-6, rel=1e-6)
    (call,) = endpoint.calls
    assert call.embeddings
    assert call.body == {"model": "small", "input": ["banana", "two words", ""], "encoding_format": "float"}
    assert call.headers["authorization"] == f"Bearer {KEY}"


async def test_many_texts_take_several_requests() -> None:
    async with embedding() as (embedder, endpoint):
        vectors, usage = await embedder.embed(["a" * number for number in range(300)])

    assert [vector[1] for vector in vectors] == list(range(300))
    assert usage.calls == len(endpoint.calls) == 2


async def test_a_failure_is_tried_again_and_told_past_all_attempts() -> None:
    never = FaultPlan(share=1.0, faults=(Fault.SENSELESS, Fault.GARBAGE, Fault.SERVER_ERROR))
    async with embedding(never, attempts=3) as (embedder, endpoint):
        with pytest.raises(ModelUnavailable, match="'vectors' failed 3 times"):
            await embedder.embed(["a"])
        assert len(endpoint.calls) == 3


async def test_an_endpoint_without_embeddings_rejects() -> None:
    async with ScriptedEndpoint.serving(lambda _: "") as endpoint:
        embedder = OpenAIEmbedder(Endpoint(name="v", model="m", base_url=endpoint.base_url))
        with pytest.raises(ModelRejected, match="404"):
            await embedder.embed(["a"])
        await embedder.close()
        assert not embedder.alive
        with pytest.raises(ModelUnavailable, match="closed"):
            await embedder.embed(["a"])


def answer(count: int) -> dict[str, Any]:
    return embeddings_answer({"input": ["a"] * count, "model": "m"}, lengths)


def broken(change: Mapping[str, Any], place: int | None = None) -> str:
    whole = answer(2)
    if place is None:
        return json.dumps({**whole, **change})
    whole["data"][place] |= change
    return json.dumps(whole)


def test_an_answer_that_does_not_count_tokens_costs_none() -> None:
    said = {key: value for key, value in answer(1).items() if key != "usage"}
    vectors, usage = read_vectors(json.dumps(said), 1, Prices(prompt=1.0))
    assert len(vectors) == 1
    assert (usage.calls, usage.prompt_tokens, usage.cost_usd) == (1, 0, 0.0)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        json.dumps(answer(1)),
        json.dumps(answer(3)),
        broken({"data": None}),
        broken({"usage": {"prompt_tokens": -1}}),
        broken({"index": 1}, 1),
        broken({"index": 7}, 1),
        broken({"embedding": []}, 0),
        broken({"embedding": "AAAA"}, 0),
        broken({"embedding": [1.0]}, 0),
        broken({"embedding": [1.0, float("nan")]}, 0),
        broken({"embedding": [1.0, 1e999]}, 0),
    ],
)
def test_what_is_no_answer_to_the_texts_is_nonsense(said: str) -> None:
    with pytest.raises(Nonsense):
        read_vectors(said, 2, None)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_other_text_is_nonsense_and_is_not_quoted(said: str) -> None:
    with pytest.raises(Nonsense) as caught:
        read_vectors(said, 1, None)
    assert len(said) < 8 or said not in str(caught.value)

"""Embeddings by an OpenAI-compatible endpoint.

Numbers are asked for as such: some servers do not know base64. Left out: fewer dimensions than the model has,
and cutting off texts that are too long for it; whether an endpoint does that is its own business.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, ValidationError

from autoflow.llm.base import Usage, Vector
from autoflow.llm.descriptions import Prices
from autoflow.llm.openai.answers import Nonsense, in_dollars
from autoflow.llm.openai.calling import Calls
from autoflow.llm.openai.endpoint import Endpoint

_TEXTS = 256
"""Of one request."""


class _Said(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _Embedding(_Said):
    index: NonNegativeInt
    embedding: Annotated[tuple[FiniteFloat, ...], Field(min_length=1)]


class _Tokens(_Said):
    prompt_tokens: NonNegativeInt = 0


class _Answer(_Said):
    data: tuple[_Embedding, ...]
    usage: _Tokens = _Tokens()


class OpenAIEmbedder:
    """An `Embedder` that an endpoint serves. For use in one event loop.

    Args:
        endpoint: where it is; of the prices that of a prompt counts, and of the capabilities none.
        rng: draws the waits between attempts.
    """

    def __init__(self, endpoint: Endpoint, rng: random.Random | None = None) -> None:
        self._endpoint = endpoint
        self._calls = Calls(endpoint, rng)

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        return self._endpoint.name

    @property
    def alive(self) -> bool:
        """Whether it was not closed; an endpoint that is down may come back."""
        return not self._calls.closed

    async def embed(self, texts: Sequence[str]) -> tuple[tuple[Vector, ...], Usage]:
        """As `Embedder.embed`; many texts take several requests, and each is a call."""
        vectors: tuple[Vector, ...] = ()
        usage = Usage()
        async with self._calls.under_way() as deadline:
            for start in range(0, len(texts), _TEXTS):
                some = list(texts[start : start + _TEXTS])
                body = {"model": self._endpoint.model, "input": some, "encoding_format": "float"}
                read = partial(read_vectors, count=len(some), prices=self._endpoint.prices)
                made, cost = await self._calls.ask("/embeddings", body, read, deadline)
                vectors, usage = vectors + made, usage + cost
        return vectors, usage

    async def close(self) -> None:
        """As `Embedder.close`."""
        await self._calls.close()


def read_vectors(text: str, count: int, prices: Prices | None) -> tuple[tuple[Vector, ...], Usage]:
    """Reads an answer to so many texts.

    Raises:
        Nonsense: it is no such answer; the message quotes nothing of it.
    """
    try:
        answer = _Answer.model_validate_json(text)
    except ValidationError:
        answer = _Answer(data=())
    made = {each.index: each.embedding for each in answer.data}
    if len(answer.data) != count or sorted(made) != list(range(count)):
        raise Nonsense(f"its answer is not one of {count} embeddings")
    if len({len(vector) for vector in made.values()}) > 1:
        raise Nonsense("its embeddings are of different lengths")
    tokens = answer.usage.prompt_tokens
    cost = in_dollars(tokens * prices.prompt) if prices is not None else 0.0
    return tuple(made[index] for index in range(count)), Usage(1, tokens, cost_usd=cost)

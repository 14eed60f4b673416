"""A language model behind an OpenAI-compatible endpoint.

What a call cost is counted once, for the answer that was taken: a provider may well charge for an answer that
came too late, was cut off or made no sense, and nobody here can know.

With an adapter, the endpoint is asked for the model of the adapter's name, once all its servers have it; see
`lora`. Left out: streaming, and endpoints that want anything but a key (a provider's own signatures, tokens
that expire).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from autoflow.llm.adapters import Folders, no_adapters
from autoflow.llm.base import (
    Capabilities,
    Completion,
    Constraint,
    Grammar,
    Message,
    ModelRejected,
    ModelUnavailable,
    Sampling,
    ToolSpec,
    Unsupported,
    Usage,
)
from autoflow.llm.demands import demand
from autoflow.llm.openai.answers import Answer, completions, picked
from autoflow.llm.openai.bodies import Body, chat_body, choice_body
from autoflow.llm.openai.calling import Calls
from autoflow.llm.openai.endpoint import Endpoint, GrammarStyle
from autoflow.llm.openai.lora import Lookup, ServedAdapters, addresses_of

_CHAT = "/chat/completions"
_LOSSES = 3
"""How often an adapter may get lost in one call: servers that are restarted one after the other."""

T = TypeVar("T")


class OpenAIModel:
    """A `LanguageModel` that an endpoint serves. For use in one event loop.

    Args:
        endpoint: where it is and what it can.
        rng: draws the waits between attempts.
        folders: where adapters are on this machine; by default there are none.
        lookup: finds the addresses of servers that take adapters.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        rng: random.Random | None = None,
        *,
        folders: Folders = no_adapters,
        lookup: Lookup = addresses_of,
    ) -> None:
        self._endpoint = endpoint
        self._calls = Calls(endpoint, rng)
        self._adapters = ServedAdapters(endpoint, folders, rng, lookup)

    @property
    def name(self) -> str:
        """As `LanguageModel.name`."""
        return self._endpoint.name

    @property
    def alive(self) -> bool:
        """Whether it was not closed; an endpoint that is down may come back."""
        return not self._calls.closed

    @property
    def capabilities(self) -> Capabilities:
        """What the catalogue says of the endpoint."""
        return self._endpoint.capabilities

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        constraint: Constraint | None = None,
        tools: Sequence[ToolSpec] = (),
        adapter: str | None = None,
    ) -> Completion:
        """As `LanguageModel.complete`; an endpoint that does not count tokens costs none.

        An endpoint may find a prompt too long that leaves room for fewer than `max_tokens` tokens.
        """
        demand(
            self.name,
            self.capabilities,
            messages,
            sampling,
            constraint=constraint,
            tools=tools,
            adapter=adapter,
        )
        body = chat_body(self._endpoint, messages, sampling, constraint=constraint, tools=tools)
        async with self._calls.under_way() as deadline:
            (completion,) = await self._draw(body, 1, constraint, adapter, deadline)
        return completion

    async def complete_n(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        n: int,
        *,
        constraint: Constraint | None = None,
        adapter: str | None = None,
    ) -> tuple[Completion, ...]:
        """As `LanguageModel.complete_n`; where the endpoint draws fewer, it is asked for the rest."""
        demand(self.name, self.capabilities, messages, sampling, constraint=constraint, adapter=adapter, n=n)
        drawn: tuple[Completion, ...] = ()
        async with self._calls.under_way() as deadline:
            while len(drawn) < n:
                # vLLM refuses to draw several greedily.
                greedy = self._endpoint.temperature and sampling.temperature == 0
                rest = 1 if greedy else n - len(drawn)
                # With the same seed again, the rest would be the same samples again.
                seeded = replace(sampling, seed=sampling.seed + len(drawn))
                body = chat_body(self._endpoint, messages, seeded, constraint=constraint, n=rest)
                drawn += await self._draw(body, rest, constraint, adapter, deadline)
        return drawn

    async def choose(
        self, messages: Sequence[Message], options: Sequence[str], *, adapter: str | None = None
    ) -> tuple[int, Usage]:
        """As `LanguageModel.choose`: what the model writes greedily when it can write nothing but an option.

        Raises:
            ValueError: there are fewer than two options, or one of them is empty.
        """
        if len(options) < 2 or not all(options):
            raise ValueError("choosing takes two or more options, none of them empty")
        if not self.capabilities.choice:
            raise Unsupported(f"the model {self.name!r} cannot choose")
        demand(self.name, self.capabilities, messages, Sampling(), adapter=adapter)
        as_json = self._endpoint.grammar is not GrammarStyle.VLLM

        def read(text: str) -> tuple[int, Usage]:
            (completion,) = completions(Answer.parse(text), 1, self._endpoint.prices)
            return picked(completion, options, as_json=as_json), completion.usage

        body = choice_body(self._endpoint, messages, options)
        async with self._calls.under_way() as deadline:
            return await self._ask(body, read, adapter, deadline)

    async def close(self) -> None:
        """As `LanguageModel.close`."""
        await self._calls.close()
        await self._adapters.close()

    async def check_adapters(self) -> int:
        """Asks every server whether it would load adapters, and loads none.

        Returns:
            How many servers there are.

        Raises:
            LanguageModelError: one would not, or cannot be reached.
        """
        async with self._calls.under_way():
            return await self._adapters.check()

    async def _draw(
        self, body: Body, n: int, constraint: Constraint | None, adapter: str | None, deadline: float
    ) -> tuple[Completion, ...]:
        by_tool = isinstance(constraint, Grammar) and self._endpoint.grammar is GrammarStyle.OPENAI_TOOL

        def read(text: str) -> tuple[Completion, ...]:
            return completions(Answer.parse(text), n, self._endpoint.prices, under_grammar_tool=by_tool)

        return await self._ask(body, read, adapter, deadline)

    async def _ask(self, body: Body, read: Callable[[str], T], adapter: str | None, deadline: float) -> T:
        if adapter is None:
            return await self._calls.ask(_CHAT, body, read, deadline)
        async with self._adapters.using(adapter) as lease:
            for _ in range(_LOSSES):
                await lease.ready()
                try:
                    return await self._calls.ask(_CHAT, {**body, "model": lease.name}, read, deadline)
                except ModelRejected as error:
                    if not error.not_found:
                        raise
                # A server was restarted, or came back.
                lease.lost()
        raise ModelUnavailable(
            f"the model {self.name!r} does not know the adapter {lease.name}, though its replicas do; "
            "is one missing from those that the catalogue names?"
        )

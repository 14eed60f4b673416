"""A language model behind an OpenAI-compatible endpoint.

Every call ends within the endpoint's time-out, its waiting and its retries included. What it cost is counted
once, for the answer that was taken: a provider may well charge for an answer that came too late, was cut off
or made no sense, and nobody here can know.

No prompt, no answer and no key is ever in a log or an error of this package. What it does not protect
against: the logs of other libraries at the level DEBUG, and an environment that holds
`OPENAI_CUSTOM_HEADERS`, which the package `openai` sends to every endpoint.

Left out: streaming, adapters, and endpoints that want anything but a key (a provider's own signatures, tokens
that expire).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from openai import APIConnectionError, APIStatusError, AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError, omit

from autoflow.llm.base import (
    Capabilities,
    Completion,
    Constraint,
    Grammar,
    Message,
    ModelOverloaded,
    ModelRejected,
    ModelUnavailable,
    Sampling,
    ToolSpec,
    Unsupported,
    Usage,
)
from autoflow.llm.demands import demand
from autoflow.llm.openai.answers import Answer, Nonsense, completions, picked
from autoflow.llm.openai.bodies import Body, chat_body, choice_body
from autoflow.llm.openai.endpoint import Endpoint, GrammarStyle
from autoflow.llm.openai.reading import IDENTITY, Unreadable, limited
from autoflow.llm.openai.retries import Failure, judge, retried

_log = logging.getLogger(__name__)

_CLOSE_SECONDS = 5.0

T = TypeVar("T")


class OpenAIModel:
    """A `LanguageModel` that an endpoint serves. For use in one event loop.

    Args:
        endpoint: where it is and what it can.
        rng: draws the waits between attempts.
    """

    def __init__(self, endpoint: Endpoint, rng: random.Random | None = None) -> None:
        self._endpoint = endpoint
        self._rng = rng or random.Random()
        # Texts where None would do: for None the library looks into the environment, whose keys and names
        # may belong to another endpoint.
        self._client = AsyncOpenAI(
            api_key=endpoint.api_key or "none",
            admin_api_key="",
            organization="",
            project="",
            webhook_secret="",
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=endpoint.attempt_timeout,
            http_client=DefaultAsyncHttpxClient(
                timeout=endpoint.attempt_timeout,
                event_hooks={"response": [limited(endpoint.max_answer_bytes)]},
            ),
        )
        self._slots = asyncio.Semaphore(endpoint.max_concurrency)
        self._waiting = 0
        self._calls: set[asyncio.Timeout] = set()
        self._none_left = asyncio.Event()
        self._closed = False

    @property
    def name(self) -> str:
        """As `LanguageModel.name`."""
        return self._endpoint.name

    @property
    def alive(self) -> bool:
        """Whether it was not closed; an endpoint that is down may come back."""
        return not self._closed

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
        async with self._under_way() as deadline:
            (completion,) = await self._draw(body, 1, constraint, deadline)
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
        async with self._under_way() as deadline:
            while len(drawn) < n:
                # vLLM refuses to draw several greedily.
                greedy = self._endpoint.temperature and sampling.temperature == 0
                rest = 1 if greedy else n - len(drawn)
                # With the same seed again, the rest would be the same samples again.
                seeded = replace(sampling, seed=sampling.seed + len(drawn))
                body = chat_body(self._endpoint, messages, seeded, constraint=constraint, n=rest)
                drawn += await self._draw(body, rest, constraint, deadline)
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

        def read(answer: Answer) -> tuple[int, Usage]:
            (completion,) = completions(answer, 1, self._endpoint.prices)
            return picked(completion, options, as_json=as_json), completion.usage

        async with self._under_way() as deadline:
            return await self._ask(choice_body(self._endpoint, messages, options), read, deadline)

    async def close(self) -> None:
        """As `LanguageModel.close`."""
        self._closed = True
        for call in self._calls:
            if not call.expired():
                call.reschedule(asyncio.get_running_loop().time())
        if self._calls:
            self._none_left.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._none_left.wait()
        await self._client.close()

    async def _draw(
        self, body: Body, n: int, constraint: Constraint | None, deadline: float
    ) -> tuple[Completion, ...]:
        by_tool = isinstance(constraint, Grammar) and self._endpoint.grammar is GrammarStyle.OPENAI_TOOL

        def read(answer: Answer) -> tuple[Completion, ...]:
            return completions(answer, n, self._endpoint.prices, under_grammar_tool=by_tool)

        return await self._ask(body, read, deadline)

    async def _ask(self, body: Body, read: Callable[[Answer], T], deadline: float) -> T:
        async def attempt() -> T:
            text = await self._post(body)
            try:
                return read(Answer.parse(text))
            except Nonsense as error:
                raise Failure(str(error)) from None

        try:
            return await retried(self._endpoint, attempt, deadline, self._rng)
        except ModelRejected as error:
            _log.warning("model %s: %s", self.name, error)
            raise

    async def _post(self, body: Body) -> str:
        """One attempt.

        What goes wrong is raised outside of the `except`: the library's errors, which quote the endpoint, are
        not even the context of ours.
        """
        key = self._endpoint.api_key
        headers = {
            "Accept-Encoding": IDENTITY,
            "Authorization": f"Bearer {key}" if key else omit,
            "OpenAI-Organization": omit,
            "OpenAI-Project": omit,
        }
        try:
            async with asyncio.timeout(self._endpoint.attempt_timeout):
                return await self._client.post(
                    "/chat/completions",
                    cast_to=str,
                    body=body,
                    # A prompt goes where the catalogue says, and nowhere else.
                    options={"headers": headers, "follow_redirects": False},
                )
        except TimeoutError:
            failure: Exception = Failure(f"no answer within {self._endpoint.attempt_timeout:g} seconds")
        except APIStatusError as error:
            failure = judge(error, key)
        except Unreadable as error:
            failure = Failure(str(error))
        except APIConnectionError:
            failure = Failure("the connection failed")
        except (OpenAIError, ValueError):
            # An answer whose bytes cannot be read as text, among others.
            failure = Failure("its answer could not be read")
        raise failure

    @asynccontextmanager
    async def _under_way(self) -> AsyncIterator[float]:
        """Waits for one of the slots and keeps the deadline, which it yields."""
        if self._closed:
            raise ModelUnavailable(f"the model {self.name!r} is closed")
        if self._waiting >= self._endpoint.max_waiting and self._slots.locked():
            raise ModelOverloaded(
                f"{self._waiting} calls of the model {self.name!r} wait, which is the limit"
            )
        call = asyncio.timeout(self._endpoint.timeout)
        admitted = False
        try:
            async with call:
                self._calls.add(call)
                async with self._slot():
                    admitted = True
                    yield call.when() or 0.0
        except TimeoutError:
            raise self._out_of_time(admitted) from None
        finally:
            self._calls.discard(call)
            if not self._calls:
                self._none_left.set()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    def _out_of_time(self, admitted: bool) -> Exception:
        if self._closed:
            return ModelUnavailable(f"the model {self.name!r} was closed")
        limit = f"within {self._endpoint.timeout:g} seconds"
        if admitted:
            return ModelUnavailable(f"the model {self.name!r} did not answer {limit}")
        return ModelOverloaded(f"no call of the model {self.name!r} ended {limit}")

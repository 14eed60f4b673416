"""Calls of an endpoint: how many at once, how long, how often, and what their errors say.

Every call ends within the endpoint's time-out, its waiting and its retries included.

No prompt, no answer and no key is ever in a log or an error of this package. What it does not protect
against: the logs of other libraries at the level DEBUG, and an environment that holds
`OPENAI_CUSTOM_HEADERS`, which the package `openai` sends to every endpoint.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from openai import APIConnectionError, APIStatusError, AsyncOpenAI, OpenAIError, omit

from autoflow.llm.base import ModelOverloaded, ModelRejected, ModelUnavailable
from autoflow.llm.openai.answers import Nonsense
from autoflow.llm.openai.bodies import Body
from autoflow.llm.openai.clients import client_of
from autoflow.llm.openai.endpoint import Endpoint
from autoflow.llm.openai.reading import IDENTITY, Unreadable
from autoflow.llm.openai.retries import Failure, judge, retried

_log = logging.getLogger(__name__)

_CLOSE_SECONDS = 5.0

T = TypeVar("T")


class Calls:
    """The calls of one endpoint. For use in one event loop.

    Args:
        endpoint: where it is, and its limits.
        rng: draws the waits between attempts.

    Attributes:
        closed: whether it was closed; later calls fail.
    """

    def __init__(self, endpoint: Endpoint, rng: random.Random | None = None) -> None:
        self._endpoint = endpoint
        self._rng = rng or random.Random()
        self._client: AsyncOpenAI | None = None
        self._slots = asyncio.Semaphore(endpoint.max_concurrency)
        self._waiting = 0
        self._calls: set[asyncio.Timeout] = set()
        self._none_left = asyncio.Event()
        self.closed = False

    async def close(self) -> None:
        """Ends the calls that are under way, with ModelUnavailable."""
        self.closed = True
        for call in self._calls:
            if not call.expired():
                call.reschedule(asyncio.get_running_loop().time())
        if self._calls:
            self._none_left.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._none_left.wait()
        if self._client is not None:
            await self._client.close()

    async def ask(self, path: str, body: Body, read: Callable[[str], T], deadline: float) -> T:
        """Asks until there is an answer that can be read.

        Args:
            path: below the base URL.
            body: of the request.
            read: reads an answer's body; raises Nonsense where it makes no sense.
            deadline: what `under_way` gave.

        Raises:
            LanguageModelError: as `LanguageModel.complete`.
        """

        async def attempt() -> T:
            text = await self._post(path, body)
            try:
                return read(text)
            except Nonsense as error:
                raise Failure(str(error)) from None

        try:
            return await retried(self._endpoint, attempt, deadline, self._rng)
        except ModelRejected as error:
            _log.warning("model %s: %s", self._endpoint.name, error)
            raise

    async def _post(self, path: str, body: Body) -> str:
        """One attempt.

        What goes wrong is raised outside of the `except`: the library's errors, which quote the endpoint, are
        not even the context of ours.
        """
        client = self._client = self._client or client_of(self._endpoint)
        key = self._endpoint.api_key
        headers = {
            "Accept-Encoding": IDENTITY,
            "Authorization": f"Bearer {key}" if key else omit,
            "OpenAI-Organization": omit,
            "OpenAI-Project": omit,
        }
        try:
            async with asyncio.timeout(self._endpoint.attempt_timeout):
                return await client.post(
                    path,
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
    async def under_way(self) -> AsyncIterator[float]:
        """Waits for one of the slots and keeps the deadline, which it yields.

        Raises:
            ModelOverloaded: too many wait already, or none of those before ended in time.
            ModelUnavailable: the time is over, or this is closed.
        """
        if self.closed:
            raise ModelUnavailable(f"the model {self._endpoint.name!r} is closed")
        if self._waiting >= self._endpoint.max_waiting and self._slots.locked():
            raise ModelOverloaded(
                f"{self._waiting} calls of the model {self._endpoint.name!r} wait, which is the limit"
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
        if self.closed:
            return ModelUnavailable(f"the model {self._endpoint.name!r} was closed")
        limit = f"within {self._endpoint.timeout:g} seconds"
        if admitted:
            return ModelUnavailable(f"the model {self._endpoint.name!r} did not answer {limit}")
        return ModelOverloaded(f"no call of the model {self._endpoint.name!r} ended {limit}")

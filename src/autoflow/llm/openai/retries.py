"""Which failures are worth another attempt, and when.

Waits are drawn from the whole range up to a bound that doubles ("full jitter", M. Brooker, "Exponential
Backoff And Jitter", AWS Architecture Blog, 2015). `Retry-After` comes on top: it is the earliest time, not
the best one.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn, TypeVar

from openai import APIStatusError

from autoflow.llm.base import (
    LanguageModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnavailable,
    PromptTooLong,
)
from autoflow.llm.openai.endpoint import Endpoint

_log = logging.getLogger(__name__)

_LONGEST_WAIT = 8.0
_RETRIED = (408, 409, 429)
_NEVER_AGAIN = ("insufficient_quota", "billing_hard_limit_reached")
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_CODE = re.compile(r"[a-z_]{1,64}", re.ASCII | re.IGNORECASE)
_TOO_LONG = re.compile(r"context (length|window|size)|maximum context|prompt is too long", re.IGNORECASE)

T = TypeVar("T")


class Failure(Exception):
    """An attempt that failed; another may not.

    Attributes:
        retry_after: seconds that the endpoint asked to be left alone; None where it did not.
        overloaded: whether it said that it has too much to do.
    """

    def __init__(self, what: str, *, retry_after: float | None = None, overloaded: bool = False) -> None:
        super().__init__(what)
        self.retry_after = retry_after
        self.overloaded = overloaded


async def retried(
    endpoint: Endpoint, attempt: Callable[[], Awaitable[T]], deadline: float, rng: random.Random
) -> T:
    """The first attempt that does not fail.

    Args:
        endpoint: says how often, and for how long.
        attempt: makes one.
        deadline: of the whole, by the event loop's clock; the caller keeps it, here nothing is begun that
            could only end after it.
        rng: draws the waits.

    Raises:
        ModelOverloaded: the last failure said so, or the endpoint asked for more time than there is.
        ModelUnavailable: the last failure was another one.
    """
    loop = asyncio.get_running_loop()
    for number in range(1, endpoint.attempts + 1):
        try:
            return await attempt()
        except Failure as error:
            failure = error
        _log.info("model %s: attempt %d of %d failed: %s", endpoint.name, number, endpoint.attempts, failure)
        wait = rng.uniform(0, min(_LONGEST_WAIT, endpoint.backoff * 2 ** (number - 1)))
        wait += failure.retry_after or 0
        if number == endpoint.attempts or loop.time() + wait >= deadline:
            break
        await asyncio.sleep(wait)
    _give_up(endpoint, failure, number)


def judge(error: APIStatusError, api_key: str) -> Failure | LanguageModelError:
    """What an answer other than 200 means. Quotes nothing but its status and its code.

    Args:
        error: the answer.
        api_key: the key, which an endpoint may repeat even in a code.
    """
    status, code = error.status_code, error.code or ""
    said = f"status {status}"
    if _CODE.fullmatch(code) and code not in api_key:
        said += f" ({code})"
    if status in _RETRIED or status >= 500:
        if code in _NEVER_AGAIN:
            return ModelRejected(f"the endpoint refused the call: {said}")
        retry_after = seconds_to_wait(error.response.headers.get("retry-after", ""), datetime.now(UTC))
        return Failure(said, retry_after=retry_after, overloaded=status == 429 or retry_after is not None)
    if code == "context_length_exceeded" or (status in (400, 413, 422) and _TOO_LONG.search(error.message)):
        return PromptTooLong(f"prompt and completion do not fit the model's context: {said}")
    return ModelRejected(f"the endpoint refused the call: {said}", not_found=status == 404)


def seconds_to_wait(retry_after: str, now: datetime) -> float | None:
    """Reads a Retry-After header: seconds, or a date.

    Args:
        retry_after: the header's value.
        now: the time, with its time zone.

    Returns:
        Seconds, 0 or more; None where there is nothing that could be read.
    """
    retry_after = retry_after.strip()
    if _SECONDS.fullmatch(retry_after):
        return float(retry_after)
    try:
        then = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError, OverflowError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())


def _give_up(endpoint: Endpoint, failure: Failure, attempts: int) -> NoReturn:
    said = f"the model {endpoint.name!r} failed {attempts} times, at last with: {failure}"
    if failure.overloaded:
        raise ModelOverloaded(said, failure.retry_after)
    raise ModelUnavailable(said)

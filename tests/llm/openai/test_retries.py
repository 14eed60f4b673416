"""Retry-After, and the waits between attempts."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.llm import ModelUnavailable
from autoflow.llm.openai import Endpoint
from autoflow.llm.openai.retries import Failure, retried, seconds_to_wait

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 12 ", 12.0),
        ("12\x1f", 12.0),
        ("1.5", 1.5),
        ("Mon, 04 May 2026 12:01:30 GMT", 90.0),
        ("Mon, 04 May 2026 12:01:30 -0000", 90.0),
        ("Mon, 04 May 2026 14:01:30 +0200", 90.0),
        ("Mon, 04 May 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("inf", None),
        ("nan", None),
        ("1e300", None),
        ("٣", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    assert seconds_to_wait(header, NOW) == seconds


@given(st.integers(0, 10**8))
def test_a_date_and_its_distance_mean_the_same(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert seconds_to_wait(date, NOW) == seconds_to_wait(str(seconds), NOW) == seconds


@given(st.text())
def test_no_header_breaks_the_reading(header: str) -> None:
    seconds = seconds_to_wait(header, NOW)
    assert seconds is None or 0 <= seconds < 1e12


class Scripted(random.Random):
    """Draws no wait at all, and notes how long each might have been."""

    def __init__(self) -> None:
        super().__init__()
        self.bounds: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.bounds.append(b)
        return 0.0


async def test_the_longest_wait_doubles_up_to_a_bound() -> None:
    endpoint = Endpoint("remote", "m", "http://localhost/v1", attempts=7, backoff=0.5)
    rng = Scripted()

    async def fail() -> None:
        raise Failure("no")

    with pytest.raises(ModelUnavailable):
        await retried(endpoint, fail, asyncio.get_running_loop().time() + 60, rng)
    assert rng.bounds[:6] == [0.5, 1, 2, 4, 8, 8]

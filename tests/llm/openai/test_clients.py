"""The HTTP client sets no limit of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from autoflow.llm import Sampling
from tests.llm.openai.bench import PROMPT, Bench

MANY = 130
"""More than the client's libraries allow by themselves."""


async def test_as_many_calls_as_are_allowed_are_under_way_at_once(bench: Bench) -> None:
    all_came = asyncio.Event()

    async def script(body: Mapping[str, Any]) -> str:
        await all_came.wait()
        return "at last"

    endpoint = await bench.endpoint(script)
    model = bench.model(endpoint.base_url, max_concurrency=MANY)
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(model.complete(PROMPT, Sampling())) for _ in range(MANY)]
        await endpoint.until(lambda it: len(it.calls) == MANY)
        all_came.set()
    assert {call.result().text for call in calls} == {"at last"}

"""An endpoint that fails a fifth of all requests, in every way it knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Any

from autoflow.llm import Completion, LanguageModelError, Message, Role, Sampling, Usage
from autoflow.testing import Fault, FaultPlan
from tests.llm.openai.bench import Bench

CALLS = 400
DEADLINE = 30.0


async def test_every_call_ends_in_time_and_is_charged_once(bench: Bench) -> None:
    numbers = count()

    def say(body: Mapping[str, Any]) -> str:
        """An answer that tells which call it belongs to, and that no other equals."""
        return f"{body['messages'][-1]['content']}, answer {next(numbers)}"

    endpoint = await bench.endpoint(say, FaultPlan(0.2, seed=5))
    model = bench.model(endpoint.base_url, attempts=2, attempt_timeout=1.0, timeout=DEADLINE, backoff=0.05)

    async def ask(number: int) -> Completion | LanguageModelError:
        prompt = f"call {number}{' word' * (number % 7)}"
        try:
            completion = await model.complete([Message(Role.USER, prompt)], Sampling())
        except LanguageModelError as error:
            return error
        assert completion.text.startswith(f"{prompt}, ")
        return completion

    async with asyncio.timeout(2 * DEADLINE):
        ended = await asyncio.gather(*(ask(number) for number in range(CALLS)))

    completions = [end for end in ended if isinstance(end, Completion)]
    # Both attempts of a call fail in one case of 25; that none of 400 does has a chance of 1 in 10 million.
    assert 0 < len(completions) < CALLS
    assert {call.fault for call in endpoint.calls} == {None, *Fault}

    charges = {
        call.answer["choices"][0]["message"]["content"]: call.charged
        for call in endpoint.calls
        if call.answer is not None
    }
    # What was delivered whole but too late is charged by the endpoint alone.
    taken = [charges[completion.text] for completion in completions]
    assert len({completion.text for completion in completions}) == len(completions)
    recorded = sum((completion.usage for completion in completions), Usage())
    assert recorded.calls == len(taken)
    assert recorded.prompt_tokens == sum(charge[0] for charge in taken if charge)
    assert recorded.completion_tokens == sum(charge[1] for charge in taken if charge)

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from autoflow.llm import Capabilities, Completion, Message, ModelUnavailable, Role, Sampling
from autoflow.llm.draws import draw
from autoflow.testing import GatedModel, ScriptedModel

PROMPT = [Message(Role.USER, "say")]


async def drawn(model: ScriptedModel, count: int, seed: int = 0) -> list[tuple[int, Completion]]:
    return [pair async for pair in draw(model, PROMPT, Sampling(seed=seed), count)]


def seeds(model: ScriptedModel) -> list[int]:
    return [call.sampling.seed for call in model.calls if call.sampling is not None]


@pytest.mark.parametrize("max_n", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 3, 4])
async def test_every_index_comes_once(max_n: int, count: int) -> None:
    model = ScriptedModel(lambda messages: "word", capabilities=Capabilities(max_n=max_n))
    assert sorted(index for index, _ in await drawn(model, count)) == list(range(count))


async def test_each_completion_has_its_seed() -> None:
    model = ScriptedModel(lambda messages: "word")
    await drawn(model, 3, seed=10)
    assert sorted(seeds(model)) == [10, 11, 12]


async def test_one_call_that_draws_several_has_the_seed_of_its_first() -> None:
    model = ScriptedModel(lambda messages: "word", capabilities=Capabilities(max_n=2))
    await drawn(model, 5, seed=10)
    assert sorted(seeds(model)) == [10, 10, 12, 12, 14]


async def test_a_completion_is_handed_on_before_slower_ones_end() -> None:
    model = GatedModel(lambda messages: "word")
    completions = draw(model, PROMPT, Sampling(), 3)
    order = []
    for call in (2, 0, 1):
        model.let_through(call)
        index, _ = await anext(completions)
        order.append(index)
    assert order == [2, 0, 1]


async def test_one_failure_fails_the_whole_and_cancels_the_rest() -> None:
    first = asyncio.Event()

    async def say(messages: Sequence[Message]) -> str:
        if first.is_set():
            raise ModelUnavailable("no")
        first.set()
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(ModelUnavailable):
        await drawn(ScriptedModel(say), 2)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_whoever_stops_listening_cancels_the_rest() -> None:
    model = GatedModel(lambda messages: "word")
    completions = draw(model, PROMPT, Sampling(), 3)
    model.let_through(1)
    await anext(completions)
    await completions.aclose()
    assert model.cancelled == 2

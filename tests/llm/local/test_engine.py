"""How a local model's engine behaves when calls are given up, too many, or fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from autoflow.llm.base import Grammar, Message, ModelOverloaded, ModelUnavailable, Role, Sampling
from autoflow.llm.catalogue import Catalogue
from autoflow.llm.local import LocalModel
from autoflow.llm.local.adapters import Adapters
from autoflow.llm.local.cache import SlotCache
from autoflow.llm.local.calls import DrawCall, Weights
from autoflow.llm.local.check import install
from autoflow.llm.local.engine import Engine
from autoflow.llm.local.grammar import Grammars
from autoflow.llm.local.runner import Advance, Runner
from autoflow.llm.local.sampling import Draw, Sampler
from autoflow.llm.local.scheduler import Scheduler
from autoflow.testing import entry_of
from autoflow.testing.random_model import write_random_adapter

GO = [Message(Role.USER, "go")]
LONG = Sampling(max_tokens=240)
ENDLESS = "root ::= [a-z]{2000}"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the engine's thread sets no event
            await asyncio.sleep(0.001)


async def test_a_cancelled_call_frees_its_row(load: Any, llama: Any) -> None:
    async with load(llama, max_rows=1) as model:
        first = asyncio.create_task(model.complete(GO, LONG, constraint=Grammar(ENDLESS, "")))
        await until(lambda: model.counters.passes > 0)
        second = asyncio.create_task(model.complete(GO, Sampling(max_tokens=4)))
        first.cancel()
        assert len((await second).token_ids) == 4
        assert first.cancelled()
        # Had the first gone on to its end, there would have been more.
        assert model.counters.computed_tokens < 240


async def test_a_call_cancelled_while_it_waits_never_runs(load: Any, llama: Any) -> None:
    async with load(llama, max_rows=1) as model:
        first = asyncio.create_task(model.complete(GO, LONG, constraint=Grammar(ENDLESS, "")))
        await until(lambda: model.counters.passes > 0)
        second = asyncio.create_task(model.complete([Message(Role.USER, "x" * 100)], LONG))
        await asyncio.sleep(0)
        second.cancel()
        completion = await first
        assert model.counters.computed_tokens == completion.usage.tokens - 1


async def test_too_many_waiting_calls_are_refused_and_the_others_served(load: Any, llama: Any) -> None:
    async with load(llama, max_rows=1, max_waiting=2) as model:
        first = asyncio.create_task(model.complete(GO, LONG, constraint=Grammar(ENDLESS, "")))
        await until(lambda: model.counters.passes > 0)
        results = await asyncio.gather(
            *(model.complete(GO, Sampling(max_tokens=2)) for _ in range(5)), return_exceptions=True
        )
        await first
        assert [isinstance(result, ModelOverloaded) for result in results] == [False] * 2 + [True] * 3
        assert len((await model.complete(GO, Sampling(max_tokens=3))).token_ids) == 3


async def test_closing_fails_what_is_in_flight_and_what_comes_after(load: Any, llama: Any) -> None:
    async with load(llama, max_rows=1) as model:
        calls = [
            asyncio.create_task(model.complete(GO, LONG, constraint=Grammar(ENDLESS, ""))) for _ in range(3)
        ]
        await until(lambda: model.counters.passes > 0)
        assert model.alive
        await model.close()
        assert not model.alive
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [ModelUnavailable] * 3
        with pytest.raises(ModelUnavailable):
            await model.complete(GO, Sampling())
        with pytest.raises(ModelUnavailable):
            await model.choose(GO, ["A", "B"])
        await model.close()


async def test_callers_of_several_event_loops_are_served(load: Any, llama: Any) -> None:
    async with load(llama) as model:
        expected = await model.complete(GO, Sampling(max_tokens=20))
        here, there = await asyncio.gather(
            model.complete(GO, Sampling(max_tokens=20)),
            asyncio.to_thread(lambda: asyncio.run(model.complete(GO, Sampling(max_tokens=20)))),
        )
    assert here.token_ids == there.token_ids == expected.token_ids


class FaultyRunner(Runner):
    """A runner whose passes wait to be let through, and raise what they are told to."""

    def __init__(self, model: torch.nn.Module, cache: SlotCache) -> None:
        super().__init__(model, cache)
        self.fault: BaseException | None = None
        self.faulty: str | None = None
        """The adapter whose passes raise; None means all."""
        self.passes = 0
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def logits(self, advances: Sequence[Advance]) -> torch.Tensor:
        self.passes += 1
        self.entered.set()
        assert self.gate.wait(30)
        if self.fault is not None and (self.faulty is None or advances[0].call.digest == self.faulty):
            raise self.fault
        return super().logits(advances)


@asynccontextmanager
async def faulty_engine(
    llama: Any, cache: SlotCache | None = None
) -> AsyncIterator[tuple[Engine, FaultyRunner]]:
    model = AutoModelForCausalLM.from_pretrained(llama.folder)
    install(model)
    cache = cache or SlotCache(8, 128)
    runner = FaultyRunner(model, cache)
    engine = Engine(
        "faulty",
        runner=runner,
        adapters=Adapters(model, 1),
        scheduler=Scheduler(cache, max_rows=4, max_tokens=256),
        sampler=Sampler(),
        threads=1,
        max_waiting=16,
    )
    engine.start()
    yield engine, runner
    runner.gate.set()
    await engine.close(30)


async def ids(engine: Engine, prompt: list[int], weights: Weights | None = None) -> Sequence[int]:
    """Draws eight ids greedily."""
    draw = Draw(0.0, 0, None)
    call = DrawCall(prompt, weights, draw=draw, max_tokens=8, stop_ids=frozenset())
    (drawn,) = await engine.submit([call])
    return drawn.ids


async def test_a_pass_that_raises_fails_its_calls_and_no_others(
    llama: Any, caplog: pytest.LogCaptureFixture
) -> None:
    prompt = [2, 40, 41, 42, 43, 44, 3]
    async with faulty_engine(llama) as (engine, runner):
        expected = await ids(engine, prompt)
        runner.fault = RuntimeError("a secret of the machine")
        results = await asyncio.gather(*(ids(engine, prompt) for _ in range(3)), return_exceptions=True)
        runner.fault = None
        assert [type(result) for result in results] == [ModelUnavailable] * 3
        assert "secret" not in str(results)
        assert "a secret of the machine" in caplog.text
        assert await ids(engine, prompt) == expected


async def test_a_pass_that_raises_leaves_those_of_other_adapters_alone(llama: Any, tmp_path: Path) -> None:
    weights = Weights("sha256:a", write_random_adapter(llama.folder, tmp_path))
    async with faulty_engine(llama) as (engine, runner):
        expected = await ids(engine, [2, 40, 3])
        runner.fault, runner.faulty = RuntimeError("broken"), weights.digest
        whole, broken = await asyncio.gather(
            ids(engine, [2, 40, 3]), ids(engine, [2, 40, 3], weights), return_exceptions=True
        )
        assert whole == expected
        assert isinstance(broken, ModelUnavailable)


async def test_a_pass_that_raised_is_not_tried_again(llama: Any) -> None:
    async with faulty_engine(llama) as (engine, runner):
        runner.fault = RuntimeError("broken")
        for attempt in range(1, 4):
            with pytest.raises(ModelUnavailable):
                await ids(engine, [2, 40, 3])
            assert runner.passes == attempt


class BrokenCache(SlotCache):
    """A cache that cannot copy."""

    def copy(self, source: int, target: int, length: int) -> None:
        raise RuntimeError("no copies")


async def test_a_beginning_that_could_not_be_copied_is_not_believed_in(llama: Any) -> None:
    prompt = [2, *range(40, 60), 3]
    async with faulty_engine(llama) as (engine, _):
        expected = await ids(engine, prompt)
    async with faulty_engine(llama, BrokenCache(8, 128)) as (engine, _):
        assert await ids(engine, prompt) == expected
        results = await asyncio.gather(*(ids(engine, prompt) for _ in range(10)), return_exceptions=True)
        assert {type(result) for result in results} == {ModelUnavailable}
        # Ten calls failed in eight slots: they were freed, and what they were to hold was forgotten.
        assert len(await ids(engine, [2, 100, 3])) == 8


async def test_a_call_that_cannot_be_admitted_fails_alone(llama: Any) -> None:
    async with faulty_engine(llama) as (engine, _):
        results = await asyncio.gather(
            ids(engine, [2, 40, 3]), ids(engine, [2] * 1000), ids(engine, [2, 40, 3]), return_exceptions=True
        )
        assert isinstance(results[1], ModelUnavailable)
        assert results[0] == results[2] == await ids(engine, [2, 40, 3])


async def test_an_engine_whose_thread_dies_says_so(llama: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with faulty_engine(llama) as (engine, runner):
        runner.gate.clear()
        assert engine.alive
        first = asyncio.create_task(ids(engine, [2, 40, 3]))
        assert await asyncio.to_thread(runner.entered.wait, 30)
        second = asyncio.create_task(ids(engine, [2, 41, 3]))
        await asyncio.sleep(0)
        runner.fault = SystemExit()
        runner.gate.set()
        results = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(result) for result in results] == [ModelUnavailable] * 2
        assert "died" in caplog.text
        assert not engine.alive
        with pytest.raises(ModelUnavailable):
            await ids(engine, [2, 40, 3])


async def test_a_catalogue_replaces_a_model_whose_engine_has_died(load: Any, llama: Any) -> None:
    async with faulty_engine(llama) as (engine, runner), load(llama) as whole:
        broken = LocalModel(
            "test",
            tokenizer=llama.tokenizer,
            grammars=Grammars(llama.tokenizer, cache_mib=1, threads=1),
            engine=engine,
            adapters=None,
            context=128,
            shutdown_seconds=30,
        )
        models: Iterator[LocalModel] = iter([broken, whole])

        async def load_next() -> LocalModel:
            return next(models)

        catalogue = Catalogue([entry_of("test", load_next)], preload=["test"])
        await catalogue.start()
        assert await catalogue.ready()
        runner.fault = SystemExit()
        with pytest.raises(ModelUnavailable):
            await (await catalogue.get("test")).complete(GO, Sampling())
        assert not await catalogue.ready()

        assert await catalogue.get("test") is whole
        assert await catalogue.ready()


async def test_closing_does_not_wait_for_ever_for_a_pass(llama: Any) -> None:
    async with faulty_engine(llama) as (engine, runner):
        runner.gate.clear()
        call = asyncio.create_task(ids(engine, [2, 40, 3]))
        assert await asyncio.to_thread(runner.entered.wait, 30)
        await engine.close(0.01)
        with pytest.raises(ModelUnavailable):
            await call

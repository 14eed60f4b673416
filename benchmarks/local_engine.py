"""The local provider's engine against transformers: `python -m benchmarks.local_engine`.

Prints one JSON object a line and measurement. The baseline is one `generate` call per request, one after the
other, as a program without an engine makes them; both sides run the same model with the same number of
threads, in alternating rounds of one process, and `ratio` is the median over the rounds. A chat is six turns
of up to fifteen drawn tokens, each turn adding to the same messages. Times are wall times: run it on a quiet
machine.
"""

from __future__ import annotations

import os

# Before torch: its pool threads must not spin while they have nothing to do.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["HF_HUB_OFFLINE"] = "1"

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from autoflow.language import decoding_grammar
from autoflow.llm import tiny
from autoflow.llm.base import Completion, Grammar, Message, Role, Sampling
from autoflow.llm.local import ChatTokenizer, LocalModel, LocalSettings
from autoflow.suites import Split, load_suite
from benchmarks.report import Measurement

_TURNS = 6
_NEW_TOKENS = 15


@dataclass(frozen=True)
class Tally:
    """What a round did, and how long it took."""

    units: float
    wall: float
    cpu: float

    @property
    def speed(self) -> float:
        """Units a second."""
        return self.units / self.wall


class Baseline:
    """The model as transformers runs it: one `generate` call per request."""

    def __init__(self, folder: Path, tokenizer: ChatTokenizer) -> None:
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
        self._model.train(False)
        self._tokenizer = tokenizer

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> str:
        """Draws one completion."""
        ids = torch.tensor([self._tokenizer.prompt_ids(messages)])
        chance = {"do_sample": True, "temperature": sampling.temperature, "top_k": 0}
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=sampling.max_tokens,
                eos_token_id=sorted(self._tokenizer.stop_ids),
                **(chance if sampling.temperature else {"do_sample": False}),
            )
        return self._tokenizer.text(output[0, ids.shape[1] :].tolist())


class Chats:
    """Texts of users, cut to a number of tokens, from the built-in suite's queries.

    Args:
        tokenizer: counts the tokens.
        opening: tokens of a chat's first message, about.
    """

    def __init__(self, tokenizer: ChatTokenizer, opening: int) -> None:
        self._tokenizer = tokenizer
        self._opening = opening
        self._queries = [task.query for task in load_suite("planning").tasks(Split.TRAIN)]

    def user(self, rng: random.Random, turn: int) -> Message:
        """What the user of a chat says in a turn."""
        tokens = self._opening if turn == 0 else 20
        tokens = rng.randint(tokens * 3 // 4, tokens * 5 // 4)
        words = " ".join(rng.sample(self._queries, 1 + tokens // 20))
        return Message(Role.USER, self._tokenizer.text(self._tokenizer.ids(words)[:tokens]))

    async def run(self, number: int, complete: Callable[..., Awaitable[str]]) -> None:
        """One chat, from its first turn to its last."""
        rng = random.Random(number)
        messages: list[Message] = []
        for turn in range(_TURNS):
            messages.append(self.user(rng, turn))
            answer = await complete(messages, Sampling(0.0, _NEW_TOKENS, number))
            messages.append(Message(Role.ASSISTANT, answer))


class Bench:
    """The measurements of one model."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._options = options
        self._tokenizer = ChatTokenizer.load(folder)
        self._baseline = Baseline(folder, self._tokenizer)
        self._model = LocalModel.load("bench", folder, settings=LocalSettings(threads=options.threads))
        self._numbers = iter(range(10**9))
        torch.set_num_threads(options.threads)

    async def run(self) -> None:
        """Measures and prints everything."""
        try:
            await self._chats("local_engine.chats", opening=160)
            await self._chats("local_engine.short_chats", opening=30)
            await self._samples()
            await self._grammar()
        finally:
            await self._model.close()

    async def _chats(self, name: str, opening: int) -> None:
        chats = Chats(self._tokenizer, opening)
        tokens: list[Completion] = []

        async def ours(messages: Sequence[Message], sampling: Sampling) -> str:
            completion = await self._model.complete(messages, sampling)
            tokens.append(completion)
            return completion.text

        async def theirs(messages: Sequence[Message], sampling: Sampling) -> str:
            return self._baseline.complete(messages, sampling)

        many, few = self._options.executions, self._options.baseline_executions
        await self._at_once(chats, ours, many // 4)
        tokens.clear()
        pairs = [
            (await self._at_once(chats, theirs, few, at_once=1), await self._at_once(chats, ours, many))
            for _ in range(self._options.rounds)
        ]
        prompt = statistics.mean(each.usage.prompt_tokens for each in tokens)
        new = statistics.mean(each.usage.completion_tokens for each in tokens)
        what = f"{_TURNS} turns, {prompt:.0f} prompt and {new:.0f} new tokens on average, greedy"
        self._report(name, "executions/s", pairs, f"{what}; {self._options.in_flight} chats at once")

    async def _at_once(
        self, chats: Chats, complete: Callable[..., Awaitable[str]], count: int, at_once: int = 0
    ) -> Tally:
        places = asyncio.Semaphore(at_once or self._options.in_flight)

        async def one(number: int) -> None:
            async with places:
                await chats.run(number, complete)

        numbers = [next(self._numbers) for _ in range(count)]
        return await _timed(count, asyncio.gather(*(one(number) for number in numbers)))

    async def _samples(self) -> None:
        """Samples of one prompt, as a generator draws its candidates."""
        prompt = [Message(Role.USER, "Write a workflow for the planning tasks.")]
        pairs = []
        for _ in range(self._options.rounds):
            seeds = [next(self._numbers) for _ in range(32)]
            started = time.perf_counter(), time.process_time()
            texts = [self._baseline.complete(prompt, Sampling(1.0, 100, seed)) for seed in seeds[:2]]
            drawn = sum(len(self._tokenizer.ids(text)) for text in texts)
            wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
            pairs.append((Tally(drawn, wall, cpu), await self._draw(prompt, seeds, None)))
        self._report("local_engine.samples", "tokens/s", pairs, "32 samples of one prompt, up to 100 tokens")

    async def _grammar(self) -> None:
        """What a grammar costs: the same samples without one are the baseline."""
        prompt = [Message(Role.USER, "Write a workflow for the planning tasks.")]
        grammar = Grammar(decoding_grammar(8, 200), lark="")
        await self._model.complete(prompt, Sampling(1.0, 1, 0), constraint=grammar)
        pairs = []
        for _ in range(self._options.rounds):
            seeds = [next(self._numbers) for _ in range(32)]
            free = await self._draw(prompt, seeds, None)
            pairs.append((free, await self._draw(prompt, seeds, grammar)))
        self._report(
            "generator.grammar_throughput", "tokens/s", pairs, "32 samples with a grammar over without"
        )

    async def _draw(self, prompt: Sequence[Message], seeds: Sequence[int], grammar: Grammar | None) -> Tally:
        calls = (self._model.complete(prompt, Sampling(1.0, 100, seed), constraint=grammar) for seed in seeds)
        started = time.perf_counter(), time.process_time()
        completions = await asyncio.gather(*calls)
        wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
        return Tally(sum(each.usage.completion_tokens for each in completions), wall, cpu)

    def _report(self, name: str, unit: str, pairs: Sequence[tuple[Tally, Tally]], conditions: str) -> None:
        cpu = statistics.median(1e3 * ours.cpu / ours.units for _, ours in pairs)
        Measurement(
            name,
            unit,
            baseline=statistics.median(baseline.speed for baseline, _ in pairs),
            ours=statistics.median(ours.speed for _, ours in pairs),
            ratio=statistics.median(ours.speed / baseline.speed for baseline, ours in pairs),
            better="higher",
            conditions=f"{conditions}; {self._options.threads} threads of {os.cpu_count()} cores; "
            f"ours takes {cpu:.2f} ms of CPU time a unit; load {os.getloadavg()[0]:.1f}",
        ).tell()


async def _timed(units: float, work: Awaitable[Any]) -> Tally:
    started = time.perf_counter(), time.process_time()
    await work
    return Tally(units, time.perf_counter() - started[0], time.process_time() - started[1])


def main() -> None:
    """Runs what the command asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model", type=Path, default=None, help="a model folder; the embedded model if left out"
    )
    parser.add_argument("--threads", type=int, default=1, help="torch's threads, for both sides")
    parser.add_argument("--executions", type=int, default=192, help="chats of a round of ours")
    parser.add_argument("--baseline-executions", type=int, default=3, help="chats of a round of the baseline")
    parser.add_argument("--in-flight", type=int, default=96, help="chats at once")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    asyncio.run(Bench(options.model or tiny.path(), options).run())


if __name__ == "__main__":
    main()

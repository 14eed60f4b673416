"""How well each memory finds what a step needs, and at what cost: `python -m benchmarks.memory_quality`.

Generates executions: 30 steps have established something each, in texts and tables of various lengths, and
one of them is needed for the next step, which says so in other words. Each strategy then makes the prompt of
that step. Recall is the share of executions whose prompt holds the needed answer as a whole. A token is taken
for three bytes, as the interpreter itself does; `prompt_of_append` compares the step's prompt with the whole
chat, `of_append` all prompts that the strategy needs for that step, its questions included.

Who answers the questions is an oracle, unless `--model` names one of the catalogue (AUTOFLOW_MODELS). It
knows which entry is needed, calls it irrelevant in 5 of 100 cases, and another one relevant in 5 of 100. So
the recall of `traverse` and `direct` is the oracle's, and only their tokens say something about them.
`embedding` is no oracle's: it needs `make weights`, and is left out without.

Prints one JSON object a line, for each strategy without a limit and with one of 500 tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from autoflow.language import Step, StepType
from autoflow.llm import Constraint, Embedder, LanguageModel, Message, Sampling, ToolSpec, Vector
from autoflow.llm.catalogue import default_catalogue
from autoflow.llm.local import LocalEmbedder
from autoflow.testing import ScriptedModel
from autoflow_interpreter.events import MemoryStrategy
from autoflow_interpreter.journal import Journal, Unkept
from autoflow_interpreter.limits import BoundedModel, Clock, Limits
from autoflow_interpreter.memory import MemorySettings, Room, memory_for
from autoflow_interpreter.memory.budget import tokens
from autoflow_interpreter.past import Past
from autoflow_interpreter.protocols.stepwise import PlainFrame
from benchmarks.memory_topics import TOPICS
from benchmarks.report import ROOT

ENTRIES = 30
LIMIT = 500
"""Tokens of earlier answers, where there is a limit."""
MISSED, FALSE_ALARMS = 0.05, 0.05
MINILM = ROOT / "build" / "weights" / "minilm"

_QUERY = "Help with everything that the customer wants to know."
_WORDS = ("the", "red", "old", "new", "north", "early", "small", "quick", "plain", "round", "late", "warm")


@dataclass(frozen=True, slots=True)
class Case:
    """An execution whose next step needs one of the answers before it."""

    answered: Sequence[tuple[Step, str]]
    needed: int
    """Its place among the answers."""
    step: Step

    @property
    def key(self) -> str:
        """The key of the answer that is needed."""
        return f"{self.answered[self.needed][0].name} #1"


class Listener(BoundedModel):
    """Calls a model, and counts what it is asked.

    Args:
        model: who answers.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.journal = Journal(Unkept(), Past())
        limits = Limits(max_calls=2**40, max_tokens=2**40)
        super().__init__(model, None, limits, Clock(600.0), self.journal)
        self.questions = 0
        """Tokens of all prompts."""
        self.embedded = 0
        """Tokens of all texts that embeddings were made of."""

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        constraint: Constraint | None = None,
        tools: Sequence[ToolSpec] = (),
    ) -> str:
        """As any."""
        self.questions += _tokens(messages)
        return await super().complete(messages, sampling, constraint, tools)

    async def choose(self, messages: Sequence[Message], options: Sequence[str]) -> int:
        """As any."""
        self.questions += _tokens(messages)
        return await super().choose(messages, options)

    async def embed(self, embedder: Embedder, texts: Sequence[str]) -> tuple[Vector, ...]:
        """As any."""
        self.embedded += sum(map(tokens, texts))
        return await super().embed(embedder, texts)


@dataclass(frozen=True, slots=True)
class Found:
    """What a strategy made of a case."""

    recalled: bool
    shown: int
    calls: int
    prompt: int
    """Tokens of the step's prompt."""
    questions: int
    """Tokens of the prompts of questions."""
    embedded: int


def cases(count: int, seed: int) -> list[Case]:
    """So many executions."""
    rng = random.Random(seed)
    return [_case(rng) for _ in range(count)]


def _case(rng: random.Random) -> Case:
    topics = rng.sample(TOPICS, ENTRIES)
    needed = rng.randrange(ENTRIES)
    answered = [
        (Step(f"Step {number}", StepType.PROCESS, topic.asks, ()), _answer(rng))
        for number, topic in enumerate(topics, start=1)
    ]
    return Case(answered, needed, Step("Next", StepType.PROCESS, topics[needed].needs, ()))


def _answer(rng: random.Random) -> str:
    """A text or, in one of three cases, a table; no two are alike."""
    mark = f"{rng.getrandbits(40):010x}"
    if rng.random() < 1 / 3:
        rows = [
            f"| {rng.choice(_WORDS)} {row} | {rng.randint(1, 999)} |" for row in range(rng.randint(3, 15))
        ]
        return "\n".join([f"| name {mark} | value |", "|---|---|", *rows])
    return " ".join([mark, *rng.choices(_WORDS, k=rng.randint(10, 120))]).capitalize() + "."


def oracle(case: Case, number: int) -> ScriptedModel:
    """Who knows what a case needs, but for the noise.

    Args:
        case: what is asked about.
        number: of the case; the noise depends on nothing but this and the entry.
    """

    def says_yes(key: str) -> bool:
        digest = hashlib.blake2b(f"{number}/{key}".encode(), digest_size=8).digest()
        chance = int.from_bytes(digest) / 2**64
        return chance >= MISSED if key == case.key else chance < FALSE_ALARMS

    def pick(messages: Sequence[Message]) -> str:
        listed = re.findall(r"^(\d+)\. (Step \d+ #1): ", messages[-1].content, re.MULTILINE)
        return ", ".join(place for place, key in listed if says_yes(key)) or "none"

    def choose(messages: Sequence[Message], options: Sequence[str]) -> int:
        asked = re.search(r"^Earlier answer: (Step \d+ #1),", messages[-1].content, re.MULTILINE)
        assert asked is not None
        return 0 if says_yes(asked[1]) else 1

    return ScriptedModel(pick, choose=choose)


async def measure(
    strategy: MemoryStrategy, limit: int, case: Case, model: LanguageModel, embedder: Embedder | None
) -> Found:
    """Makes the prompt of a case's step."""
    room = Room(limit, 0, answer_tokens=128)
    memory = memory_for(
        strategy, _QUERY, PlainFrame(_QUERY, ()), room=room, settings=MemorySettings(), embedder=embedder
    )
    for step, answer in case.answered:
        memory.answered(step, answer)
    listener = Listener(model)
    recalled = await memory.ask(case.step, listener)
    return Found(
        recalled=case.key in recalled.shown and case.key not in recalled.cut,
        shown=len(recalled.shown),
        calls=listener.journal.usage.calls,
        prompt=_tokens(recalled.messages),
        questions=listener.questions,
        embedded=listener.embedded,
    )


async def report(count: int, seed: int, model: LanguageModel | None) -> None:
    """Measures all strategies, and prints what was found."""
    drawn = cases(count, seed)
    embedder = LocalEmbedder.load(MINILM) if MINILM.exists() else None
    append = 0.0
    for limit in (0, LIMIT):
        for strategy in MemoryStrategy:
            if strategy is MemoryStrategy.EMBEDDING and embedder is None:
                print(f"no {MINILM.relative_to(ROOT)}: make weights", file=sys.stderr)
                continue
            found = [
                await measure(strategy, limit, case, model or oracle(case, number), embedder)
                for number, case in enumerate(drawn)
            ]
            all_tokens = fmean(each.prompt + each.questions for each in found)
            append = append or all_tokens
            told = {
                "strategy": strategy.value,
                "limit": limit or None,
                "executions": count,
                "recall": round(fmean(each.recalled for each in found), 3),
                "shown": round(fmean(each.shown for each in found), 1),
                "calls": round(fmean(each.calls for each in found), 1),
                "prompt_tokens": round(fmean(each.prompt for each in found)),
                "question_tokens": round(fmean(each.questions for each in found)),
                "prompt_of_append": round(fmean(each.prompt for each in found) / append, 3),
                "of_append": round(all_tokens / append, 3),
                "embedded_tokens": round(fmean(each.embedded for each in found)),
            }
            print(json.dumps(told), flush=True)
    if embedder is not None:
        await embedder.close()


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description="Measures what memories find, and what that costs.")
    parser.add_argument("--executions", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", help="of the catalogue; the oracle by default")
    options = parser.parse_args()

    async def run() -> None:
        if options.model is None:
            return await report(options.executions, options.seed, None)
        catalogue = default_catalogue(os.environ)
        try:
            await report(options.executions, options.seed, await catalogue.get(options.model))
        finally:
            await catalogue.close()

    asyncio.run(run())


def _tokens(messages: Sequence[Message]) -> int:
    return sum(tokens(message.content) for message in messages)


if __name__ == "__main__":
    main()

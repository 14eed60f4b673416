"""Workflows of all qualities, as intents, and what the teacher makes of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from autoflow.language.grammar import LABEL_PAIRS
from autoflow.language.model import Branch, Step, StepType, Workflow
from autoflow.llm.tiny.corpus.intents import (
    Add,
    Arrange,
    Aspect,
    Babble,
    Check,
    Fact,
    Identify,
    Intent,
    Muse,
    Output,
    Part,
    Select,
)
from autoflow.llm.tiny.corpus.phrases import say
from autoflow.llm.tiny.corpus.teacher import Teacher
from autoflow.plans import PlanReference, plan_f1
from autoflow.suites.planning import TOOLS, Combination

MAX_STEPS = 8
"""The most steps of a workflow: the default of the decoding grammar."""

_MAX_VISITS = 16
_ESTABLISHED = {Fact.INPUT: 0.7, Fact.FAULTS: 0.42, Fact.OUTPUT: 0.85, Fact.LANGUAGE: 0.5}
"""How often a sampled workflow establishes each fact."""


@dataclass(frozen=True, slots=True)
class DraftStep:
    """An intent in its words; a check has labels (passed, failed) and a step to go to when it fails."""

    intent: Intent
    words: str
    labels: tuple[str, str] = ("", "")
    back: int = 0
    failed_first: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One executed step: what was asked and answered, and for a check whether it passed."""

    step: DraftStep
    answer: str
    passed: bool | None


@dataclass(frozen=True)
class Draft:
    """A workflow of which it is known what each step means."""

    steps: tuple[DraftStep, ...]

    @property
    def text(self) -> str:
        """The canonical text."""
        return Workflow(tuple(self._step(index) for index in range(len(self.steps)))).text

    def execute(self, task: Combination) -> tuple[list[Visit], str | None]:
        """What the teacher does with it: the visits, and the answer (None where it runs into the limit)."""
        teacher, at = Teacher(task), 0
        visits: list[Visit] = []
        while len(visits) < _MAX_VISITS:
            step = self.steps[at]
            answer = teacher.answer(step.intent)
            passed = answer.startswith("Yes") if isinstance(step.intent, Check) else None
            visits.append(Visit(step, answer, passed))
            if at == len(self.steps) - 1:
                return visits, answer
            at = step.back if passed is False else at + 1
        return visits, None

    def reward(self, tasks: Sequence[Combination]) -> float:
        """Its mean plan F1 on tasks."""
        rewards = [plan_f1(self.execute(task)[1] or "", _reference(task)) for task in tasks]
        return sum(rewards) / len(rewards)

    def _step(self, index: int) -> Step:
        step, following = self.steps[index], f"Step {index + 2}"
        if index == len(self.steps) - 1:
            return Step(f"Step {index + 1}", StepType.TERMINAL, step.words, ())
        if not isinstance(step.intent, Check):
            return Step(f"Step {index + 1}", StepType.PROCESS, step.words, (Branch("next", following),))
        branches = (Branch(step.labels[0], following), Branch(step.labels[1], f"Step {step.back + 1}"))
        ordered = branches[::-1] if step.failed_first else branches
        return Step(f"Step {index + 1}", StepType.DECISION, step.words, ordered)


def sample_draft(rng: random.Random) -> Draft:
    """Draws a workflow: most have a sensible shape, many lack a fact, an order or an end."""
    intents: list[Intent] = [*_identifications(rng), *_selections(rng)]
    if rng.random() < 0.08:
        rng.shuffle(intents)
    for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2))):
        intents.insert(rng.randint(0, len(intents)), Muse())
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        intents.append(Check(rng.choice((Aspect.ORDER, Aspect.ORDER, *Aspect))))
    intents = [*intents[: MAX_STEPS - 1], Output() if rng.random() < 0.9 else Babble()]
    return compose(intents, rng)


def compose(intents: Sequence[Intent], rng: random.Random) -> Draft:
    """Puts intents into words; a check that fails mostly goes back to a selection."""
    selections = [index for index, intent in enumerate(intents) if isinstance(intent, Select | Arrange)]
    return Draft(tuple(_draft_step(intent, index, selections, rng) for index, intent in enumerate(intents)))


def improve(draft: Draft, rng: random.Random) -> Draft:
    """The same workflow with one to three of its weaknesses mended, as far as there is room."""
    intents = [step.intent for step in draft.steps]
    mends = [_mend_end, _mend_order, _mend_facts, _mend_musing]
    rng.shuffle(mends)
    for mend in mends[: rng.randint(1, 3)]:
        mended = mend(intents, rng)
        if len(mended) <= MAX_STEPS:
            intents = mended
    known = {id(step.intent): step for step in draft.steps}
    fresh = compose(intents, rng)
    kept = [
        replace(known[id(intent)], back=step.back) if id(intent) in known else step
        for intent, step in zip(intents, fresh.steps, strict=True)
    ]
    return Draft(tuple(kept))


def _identifications(rng: random.Random) -> list[Intent]:
    facts = [fact for fact in Fact if rng.random() < _ESTABLISHED[fact]]
    if rng.random() < 0.2:
        rng.shuffle(facts)
    found: list[Intent] = []
    while facts:
        size = rng.choice((1, 1, 2, 2, 3, 4))
        found.append(Identify(frozenset(facts[:size])))
        facts = facts[size:]
    return found


def _selections(rng: random.Random) -> list[Intent]:
    kind = rng.random()
    if kind < 0.72:
        return [Select(ordered=rng.random() < 0.45)]
    if kind < 0.80:
        return [Select(ordered=False), Arrange()]
    parts = rng.sample(list(Part), rng.choice((1, 2, 3, 3)))
    if rng.random() < 0.6:
        parts.sort(key=list(Part).index)
    return [*(Add(part) for part in parts), *([Arrange()] if rng.random() < 0.3 else [])]


def _draft_step(intent: Intent, index: int, selections: Sequence[int], rng: random.Random) -> DraftStep:
    words = say(intent, rng)
    if not isinstance(intent, Check):
        return DraftStep(intent, words)
    earlier = [selection for selection in selections if selection < index]
    back = earlier[-1] if earlier and rng.random() < 0.8 else rng.randint(0, index)
    return DraftStep(intent, words, rng.choice(LABEL_PAIRS), back, rng.random() < 0.25)


def _mend_end(intents: list[Intent], rng: random.Random) -> list[Intent]:
    return [*intents[:-1], Output()] if isinstance(intents[-1], Babble) else intents


def _mend_order(intents: list[Intent], rng: random.Random) -> list[Intent]:
    if any(isinstance(intent, Arrange) or intent == Select(ordered=True) for intent in intents):
        return intents
    if Select(ordered=False) in intents:
        return [Select(ordered=True) if intent == Select(ordered=False) else intent for intent in intents]
    return [*intents[:-1], Arrange(), intents[-1]]


def _mend_facts(intents: list[Intent], rng: random.Random) -> list[Intent]:
    there: set[Fact] = set().union(*(intent.facts for intent in intents if isinstance(intent, Identify)))
    missing = [fact for fact in Fact if fact not in there]
    if not missing:
        return intents
    added = frozenset(missing if rng.random() < 0.6 else [rng.choice(missing)])
    at = next((index for index, intent in enumerate(intents) if isinstance(intent, Identify)), None)
    if at is not None and (len(intents) >= MAX_STEPS or rng.random() < 0.4):
        first = intents[at]
        assert isinstance(first, Identify)
        return [*intents[:at], Identify(first.facts | added), *intents[at + 1 :]]
    return [Identify(added), *intents]


def _mend_musing(intents: list[Intent], rng: random.Random) -> list[Intent]:
    return [intent for intent in intents if not isinstance(intent, Muse)]


@cache
def _reference(task: Combination) -> PlanReference:
    return PlanReference(TOOLS, task.inputs, task.output, task.accepted)

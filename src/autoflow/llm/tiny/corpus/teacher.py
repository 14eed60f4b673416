"""The teacher: carries out a workflow's intents on a task, literally.

It is literal-minded on purpose: an answer uses only what earlier steps have established. Without the fact
that there are faults no repair is chosen; without the language no translation; where no order is asked for,
models come in the catalogue's order, in which types rarely chain. So it matters which workflow is executed.
A check that fails says what is wrong, and the next selection heeds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

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
from autoflow.suites.planning import REPAIRS, TOOLS, TRANSLATOR, Combination, Fault, Source, Wanted

_CATALOGUE = [tool.name for tool in TOOLS]
_REPAIRERS = tuple(REPAIRS.values())
NOTHING = "none"
"""What an empty list is written as."""


@dataclass
class Teacher:
    """The state of one execution: what is established, the plan, and what a check found wrong."""

    task: Combination
    facts: set[Fact] = field(default_factory=set)
    plan: list[str] | None = None
    order_wanted: bool = False

    def answer(self, intent: Intent) -> str:
        """Carries out one instruction and says what came of it."""
        match intent:
            case Identify(facts):
                self.facts |= facts
                return " ".join(
                    f"{fact.capitalize()}: {self._value(fact)}." for fact in Fact if fact in facts
                )
            case Select(ordered):
                self.plan = self._needed(list(Part))
                self._arrange(ordered or self.order_wanted)
                return self._plan_line()
            case Add(part):
                plan = self.plan or []
                self.plan = plan + [model for model in self._needed([part]) if model not in plan]
                return self._plan_line()
            case Arrange():
                if self.plan is not None:
                    self._arrange(ordered=True)
                return self._plan_line()
            case Check(aspect):
                complaint = self._complaint(aspect)
                self.order_wanted |= complaint is not None and aspect is Aspect.ORDER
                return "Yes." if complaint is None else f"No, {complaint}."
            case Output():
                return ", ".join(self.plan or []) or NOTHING
            case Muse():
                return "Noted."
            case Babble():
                return "Done."

    def _value(self, fact: Fact) -> str:
        match fact:
            case Fact.INPUT:
                return self.task.source
            case Fact.FAULTS:
                return ", ".join(self.task.faults) or NOTHING
            case Fact.OUTPUT:
                return self.task.wanted
            case Fact.LANGUAGE:
                return self.task.language or NOTHING

    def _needed(self, parts: list[Part]) -> list[str]:
        """The models of these parts, as far as what is established tells, in working order."""
        models: list[str] = []
        if Part.REPAIRS in parts and Fact.FAULTS in self.facts:
            models += [REPAIRS[fault] for fault in self.task.faults]
        if Part.MAKER in parts and Fact.OUTPUT in self.facts and (maker := self._maker()) not in models:
            models += [maker] if maker else []
        if Part.TRANSLATION in parts and Fact.LANGUAGE in self.facts and self.task.needs_translation:
            models.append(TRANSLATOR)
        return models

    def _maker(self) -> str | None:
        """The main model; a guess where the task wants mending alone and the faults are unknown."""
        task = self.task
        if task.wanted is Wanted.ANSWER and Fact.INPUT not in self.facts:
            return "Visual Question Answering"
        if task.maker is None and Fact.FAULTS not in self.facts:
            return REPAIRS[Fault.GAPS if task.source is Source.TEXT else Fault.LOW_RESOLUTION]
        return task.maker

    def _arrange(self, ordered: bool) -> None:
        plan = self.plan or []
        self.plan = sorted(plan, key=_rank if ordered else _CATALOGUE.index)

    def _plan_line(self) -> str:
        return f"Plan: {', '.join(self.plan or []) or NOTHING}."

    def _complaint(self, aspect: Aspect) -> str | None:
        """What is wrong with the plan, as far as what is established tells."""
        if not self.plan:
            return "there is no plan"
        if aspect is Aspect.ORDER:
            return self._misfit(self.plan)
        missing = [model for model in self._needed([Part(aspect)]) if model not in self.plan]
        return f"{missing[0]} is missing" if missing else None

    def _misfit(self, plan: list[str]) -> str | None:
        """The first model that stands too early; working order is repairs, maker, translation."""
        for first, second in pairwise(plan):
            if _rank(first)[0] > _rank(second)[0]:
                return f"{first} comes before {second}"
        return None


def _rank(model: str) -> tuple[int, int]:
    if model in _REPAIRERS:
        return 0, _REPAIRERS.index(model)
    return (2 if model == TRANSLATOR else 1), 0

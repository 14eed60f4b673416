"""Training chats: executions, branch choices, designs and revisions, in the prompts of `autoflow.prompts`.

The combinations of the test split never occur: neither in an execution's task nor in a revision's score.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autoflow import prompts
from autoflow.language import Severity, check
from autoflow.llm.base import Message, Role
from autoflow.llm.tiny.corpus.workflows import MAX_STEPS, Draft, Visit, improve, sample_draft
from autoflow.suites import Split, load_suite
from autoflow.suites.planning import TOOLS, Combination, split_combinations
from autoflow.suites.planning_queries import write_query

_SCORED_ON = 12
_BETTER_BY = 0.1
_MOST_REVISIONS = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """A chat, and how many of its assistant turns, counted from the end, the model is to learn."""

    kind: str
    messages: tuple[Message, ...]
    learned_turns: int


class Corpus:
    """An endless stream of samples; equal seeds give equal streams."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        splits = split_combinations()
        self.tasks = splits[Split.TRAIN] + splits[Split.VALIDATION]
        self._goal = load_suite("planning").goal
        self._kinds: dict[str, tuple[Callable[[], Sample], float]] = {
            "execution": (self._execution, 0.5),
            "branch": (self._branch, 0.12),
            "design": (self._design, 0.26),
            "revision": (self._revision, 0.06),
            "reflection": (self._reflection, 0.06),
        }

    def __iter__(self) -> Iterator[Sample]:
        """Draws samples of all kinds in fixed shares."""
        makers = [maker for maker, _ in self._kinds.values()]
        shares = [share for _, share in self._kinds.values()]
        while True:
            yield self._rng.choices(makers, shares)[0]()

    def make(self, kind: str) -> Sample:
        """Draws a sample of one kind."""
        return self._kinds[kind][0]()

    def _execution(self) -> Sample:
        task = self._rng.choice(self.tasks)
        visits, _ = self._draft().execute(task)
        query = write_query(task, self._rng)
        messages = prompts.execution(query, TOOLS, visits[0].step.words)
        for index, visit in enumerate(visits):
            messages += [prompts.step(visit.step.words)] if index else []
            messages.append(Message(Role.ASSISTANT, visit.answer))
        return Sample("execution", tuple(messages), len(visits))

    def _branch(self) -> Sample:
        while True:
            checks = [visit for visit in self._visits() if visit.passed is not None]
            if checks:
                return self._branch_of(self._rng.choice(checks))

    def _branch_of(self, visit: Visit) -> Sample:
        labels = list(visit.step.labels)
        right = labels[0 if visit.passed else 1]
        self._rng.shuffle(labels)
        messages = prompts.branch(visit.step.words, visit.answer, labels)
        letter = prompts.BRANCH_OPTIONS[labels.index(right)]
        return Sample("branch", (*messages, Message(Role.ASSISTANT, letter)), 1)

    def _design(self) -> Sample:
        workflow = Message(Role.ASSISTANT, sample_draft(self._rng).text)
        return Sample("design", (*self._brief(), workflow), 1)

    def _revision(self) -> Sample:
        """One to three workflows, each with its score or its error, then a better one."""
        tasks = self._rng.sample(self.tasks, _SCORED_ON)
        tries = [sample_draft(self._rng) for _ in range(self._rng.randint(1, _MOST_REVISIONS))]
        messages = self._brief()
        for draft in tries:
            if self._rng.random() < 0.2:
                text, error = self._broken(draft)
                messages += prompts.revision(text, prompts.error_verdict(error))
            else:
                messages += prompts.revision(draft.text, prompts.score_verdict(draft.reward(tasks)))
        better = self._better(tries, tasks)
        return Sample("revision", (*messages, Message(Role.ASSISTANT, better.text)), 1)

    def _reflection(self) -> Sample:
        """A workflow with its failed steps, or with its diagnostics, then a better one."""
        tasks = self._rng.sample(self.tasks, _SCORED_ON)
        draft = sample_draft(self._rng)
        if self._rng.random() < 0.25:
            text, error = self._broken(draft)
            turns = prompts.reflection(text, 0.0, [error])
        else:
            findings = self._findings(draft, tasks)
            turns = prompts.reflection(draft.text, draft.reward(tasks), findings)
        better = self._better([draft], tasks)
        return Sample("reflection", (*self._brief(), *turns, Message(Role.ASSISTANT, better.text)), 1)

    def _brief(self) -> list[Message]:
        return prompts.design(self._goal, TOOLS, MAX_STEPS)

    def _better(self, tries: list[Draft], tasks: list[Combination]) -> Draft:
        """A mended copy of the best try, or another workflow, whichever clears the bar first."""
        best = max(tries, key=lambda draft: draft.reward(tasks))
        bar = min(best.reward(tasks) + _BETTER_BY, 0.99)
        while True:
            best = improve(best, self._rng)
            if best.reward(tasks) >= bar:
                return best
            other = sample_draft(self._rng)
            if self._rng.random() < 0.1 and other.reward(tasks) >= bar:
                return other

    def _findings(self, draft: Draft, tasks: list[Combination]) -> list[str]:
        """Up to three of the lowest-scored executions, each by the step that wrote the last plan."""
        findings: list[str] = []
        for task in sorted(tasks, key=lambda task: draft.reward([task]))[:3]:
            visits, _ = draft.execute(task)
            planned = [visit for visit in visits if visit.answer.startswith("Plan")]
            visit = (planned or visits)[-1]
            name = f"Step {draft.steps.index(visit.step) + 1}"
            findings.append(prompts.failed_step(name, visit.answer, draft.reward([task])))
        return findings

    def _broken(self, draft: Draft) -> tuple[str, str]:
        """A text with one fault, and what the linter says of it."""
        lines = draft.text.splitlines(keepends=True)
        while True:
            broken = "".join(self._rng.choice((_cut_short, _rename_target, _drop_line))(lines, self._rng))
            errors = [found for found in check(broken).diagnostics if found.severity is Severity.ERROR]
            if errors:
                return broken, errors[0].message

    def _visits(self) -> list[Visit]:
        return self._draft().execute(self._rng.choice(self.tasks))[0]

    def _draft(self) -> Draft:
        """A workflow to execute: also the better ones, so that what learning finds is no unknown ground."""
        draft = sample_draft(self._rng)
        while self._rng.random() < 0.4:
            draft = improve(draft, self._rng)
        return draft


def _cut_short(lines: list[str], rng: random.Random) -> list[str]:
    return lines[: rng.randint(1, max(1, len(lines) - 1))] if len(lines) > 1 else ["Step 1:::terminal\n"]


def _rename_target(lines: list[str], rng: random.Random) -> list[str]:
    at = rng.randrange(len(lines))
    head, _, tail = lines[at].rpartition("Step ")
    renamed = f"{head}Step {int(tail) + rng.randint(1, 9)}\n" if tail.strip().isdigit() else lines[at]
    return [*lines[:at], renamed, *lines[at + 1 :]]


def _drop_line(lines: list[str], rng: random.Random) -> list[str]:
    at = rng.randrange(len(lines))
    return lines[:at] + lines[at + 1 :]

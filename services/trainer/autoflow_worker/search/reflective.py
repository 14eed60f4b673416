"""Reflective search: a population with a Pareto front, changed a part at a time after looking at failures.

The frame is GEPA's (Agrawal et al. 2025, arXiv 2507.19457): draw a parent from the front by the number of
tasks that it is best on, show the model what its worst executions did, and keep the child if it does better
on a few tasks. What differs, and why:

- A child is screened on tasks that its parent was measured on already, half of them those that the parent did
  worst on: the comparison is paired and the parent costs nothing. The screening ends as soon as the child
  cannot win any more.
- Only a child that leads everybody sees more: the rest of the panel, a fixed list of training tasks, a few at
  a time and for as long as it leads. The others wait: a workflow that nobody would choose need not be known
  better. So does a first design that has nothing left to be improved on what it has seen.
- The panel grows when the leader is perfect on all of it.
- The part to change, one step or the structure, is drawn by how often changes of its kind were kept so far
  (Thompson sampling of Beta distributions). The structure is preferred at first: a small model rewrites
  better than it edits, and a large one soon shows that it can do both.
- A weak model must not starve the search: when nothing was kept for `PATIENCE` iterations, half of the next
  one's candidates are designed from the goal alone. While no workflow is valid, the model is shown the last
  text that was not, with what is wrong with it.

Left out: GEPA's merge of two parents.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from autoflow.suites import Task
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.refinement import Attempt, Change
from autoflow_worker.results import Fate
from autoflow_worker.search.base import Child, Proposal, Strategy, Subject, TasksOf, Wanted
from autoflow_worker.search.pareto import tasks_best_on
from autoflow_worker.search.population import Member, leader, perfect, survivors
from autoflow_worker.seeds import Purpose, derive

PATIENCE = 3
"""Iterations without a new member after which fresh designs are mixed in."""
_PANEL = 2
"""Screenings' worth of tasks that the panel has at first: by default six, as other methods measure on."""
_DRAWS = 4
"""Draws of tasks for each screening's worth at most: draws overlap."""
_PLACES = 256
"""Candidates of an iteration at most."""
_EPSILON = 1e-9
_PRIORS = {"step": (1, 3), "structure": (3, 1)}
"""Kept and lost changes that each kind begins with."""


class Reflective(Strategy):
    """The population, its panel, and what it has learned about changes."""

    defaults = TrainingSettings(iterations=24, candidates=2, tasks=3)

    def __init__(self, settings: TrainingSettings, tasks_of: TasksOf, seed: int) -> None:
        super().__init__(settings, tasks_of, seed)
        self._members: list[Member] = []
        self._broken: dict[str, str] | None = None
        self._chunks = _PANEL
        self._stalled = 0
        self._scopes = {scope: list(counts) for scope, counts in _PRIORS.items()}
        self._screenings: dict[int, list[Task]] = {}

    def most_executions(self, index: int) -> int:
        """Every child might lead, and each who was perfect so far may see what the panel has grown by."""
        panel = self._panel()
        known = [member.asked for member in self._members if perfect(member)]
        unseen = sum(task.digest not in asked for asked in known for task in panel)
        return self._settings.candidates * len(panel) + unseen

    def propose(self, index: int) -> Sequence[Proposal]:
        """Fresh designs at first and when the search stalls; else changes of members of the front."""
        self._screenings.clear()
        count = self._settings.candidates
        if not self._members:
            return [self._first(count)]
        rng = random.Random(derive(self._seed, Purpose.SEARCH, index))
        fresh = (count + self._stalled % 2) // 2 if self._stalled >= PATIENCE else 0
        changes = [self._change(rng) for _ in range(count - fresh)]
        return [*changes, Proposal(fresh)] if fresh else changes

    def wanted(self, index: int, children: Sequence[Child]) -> Wanted:
        """First the screening, ended early for those that cannot win; then what the leader has not seen."""
        parents = {member.workflow.digest: member for member in self._members}
        wanted: list[tuple[Subject, Sequence[Task]]] = []
        for place, child in enumerate(children):
            if child.subject is None:
                continue
            parent = parents.get(child.parents[0]) if child.parents else None
            if place not in self._screenings:
                self._screenings[place] = self._screening(parent, index, place)
            if tasks := _next_round(child.subject, parent, self._screenings[place]):
                wanted.append((child.subject, tasks))
        return wanted or self._deepening(children, parents)

    def receive(self, index: int, children: Sequence[Child]) -> None:
        """Whoever did better than its parent joins, and so does every fresh design."""
        parents = {member.workflow.digest: member for member in self._members}
        kept = 0
        for child in children:
            if child.fate is None:
                self._judge(child, parents.get(child.parents[0]) if child.parents else None)
            if child.fate is Fate.KEPT and child.subject:
                kept += bool(child.parents) or not parents
                self._members.append(Member(child.subject.workflow, child.subject.cells, child.subject.asked))
            if child.fate is Fate.INVALID:
                self._broken = {"text": child.candidate.text, "error": child.candidate.error}
        for member in self._members:
            member.settle()
        self._members = survivors(self._members)
        self._stalled = 0 if kept else self._stalled + 1
        self._grow()

    def state(self) -> dict[str, Any]:
        """Population, panel, and what was learned."""
        return {
            "members": [member.state() for member in self._members],
            "broken": self._broken,
            "chunks": self._chunks,
            "stalled": self._stalled,
            "scopes": self._scopes,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave."""
        self._members = [Member.of(member) for member in state["members"]]
        self._broken = state["broken"]
        self._chunks = state["chunks"]
        self._stalled = state["stalled"]
        self._scopes = {scope: list(counts) for scope, counts in state["scopes"].items()}

    def _first(self, count: int) -> Proposal:
        """What to draw while there is nobody to change."""
        if self._broken is None:
            return Proposal(count)
        return Proposal(count, (Attempt(self._broken["text"], None, self._broken["error"]),))

    def _change(self, rng: random.Random) -> Proposal:
        best_on = tasks_best_on([member.point for member in self._members])
        (parent,) = rng.choices(self._members, [best_on[member.workflow.digest] for member in self._members])
        drawn = {scope: rng.betavariate(kept, lost) for scope, (kept, lost) in self._scopes.items()}
        change = Change()
        if parent.failures and drawn["step"] > drawn["structure"]:
            change = Change(parent.failures[0].step.name)
        return Proposal(1, (parent.attempt,), change, (parent.workflow.digest,))

    def _panel(self) -> list[Task]:
        """As many distinct tasks as it has by now; fewer where the split has not so many."""
        size = self._chunks * self._settings.tasks
        draws = (task for draw in range(_DRAWS * self._chunks) for task in self._tasks_of(draw))
        return list(islice(_distinct(draws), size))

    def _screening(self, parent: Member | None, index: int, place: int) -> list[Task]:
        """A few tasks that the parent was measured on, half of them its worst, these first."""
        panel = self._panel()
        if parent is None:
            first = index % self._chunks * self._settings.tasks
            return panel[first : first + self._settings.tasks] or panel[: self._settings.tasks]
        rng = random.Random(derive(self._seed, Purpose.SCREENING, index * _PLACES + place))
        known = [task for task in panel if task.digest in parent.cells]
        rng.shuffle(known)
        worst = sorted(known, key=lambda task: parent.cells[task.digest].reward)[
            : _half(self._settings.tasks)
        ]
        others = [task for task in known if task not in worst]
        return [*worst, *others][: self._settings.tasks]

    def _deepening(self, children: Sequence[Child], parents: Mapping[str, Member]) -> Wanted:
        """The next tasks of the panel for the leader, where more must be known about it."""
        rising = [
            child.subject
            for child in children
            if child.subject and child.parents and _gain(child.subject, parents[child.parents[0]]) > 0
        ]
        designs = [child.subject for child in children if child.subject and not child.parents]
        first = leader([*self._members, *rising, *designs])
        if first is None or not (any(first is subject for subject in rising) or perfect(first)):
            return ()
        unseen = [task for task in self._panel() if task.digest not in first.asked]
        return [(first, unseen[: self._settings.tasks])] if unseen else ()

    def _judge(self, child: Child, parent: Member | None) -> None:
        """Decides the fate of a child that was measured."""
        subject = child.subject
        if subject is None or parent is None:
            child.fate = Fate.KEPT
            return
        common = [task for task in subject.cells if task in parent.cells]
        mine = sum(subject.cells[task].reward for task in common) / max(1, len(common))
        theirs = sum(parent.cells[task].reward for task in common) / max(1, len(common))
        better = _gain(subject, parent) > 0
        screened = len(subject.asked) <= self._settings.tasks
        child.fate = Fate.KEPT if better else Fate.SCREENED_OUT if screened else Fate.MEASURED
        over = "better than" if better else "no better than"
        child.reason = f"{mine:.2f}, {over} its parent's {theirs:.2f} on the same {len(common)} tasks"
        change = child.proposal.change
        self._scopes["step" if change and change.step else "structure"][0 if better else 1] += 1

    def _grow(self) -> None:
        """Widens the panel where its leader can learn nothing more from it."""
        first = leader(self._members)
        if first and perfect(first) and all(task.digest in first.asked for task in self._panel()):
            self._chunks += 1


def _next_round(subject: Subject, parent: Member | None, tasks: Sequence[Task]) -> Sequence[Task]:
    """What of a screening to measure next; nothing when it is over or decided."""
    unseen = [task for task in tasks if task.digest not in subject.asked]
    if parent is None or not unseen:
        return unseen
    if not subject.asked:
        return tasks[: _half(len(tasks))]
    behind = sum(parent.cells[task].reward - cell.reward for task, cell in subject.cells.items())
    room = sum(1 - parent.cells[task.digest].reward for task in unseen)
    return unseen if room > behind - _EPSILON else ()


def _gain(subject: Subject, parent: Member) -> float:
    """By how much a child is better on the tasks that both have; among equals, by the calls that it saves."""
    common = [task for task in subject.cells if task in parent.cells]
    gain = sum(subject.cells[task].reward - parent.cells[task].reward for task in common)
    if not common or abs(gain) > _EPSILON:
        return gain
    return sum(parent.cells[task].calls - subject.cells[task].calls for task in common)


def _half(count: int) -> int:
    return (count + 1) // 2


def _distinct(tasks: Iterable[Task]) -> Iterator[Task]:
    """Every task when it first comes."""
    seen: set[str] = set()
    for task in tasks:
        if task.digest not in seen:
            seen.add(task.digest)
            yield task

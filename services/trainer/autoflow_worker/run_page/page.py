"""Makes the page of an optimisation.

It needs nothing else: no script, no outside reference, drawings inside. Texts in it came from models and
suites: the template escapes them, and a policy in the page's head forbids browsers to load or run anything.
The tasks on which the winner does worst against the first comparator come first; of very many tasks and
refused candidates the page shows the first few hundred and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autoflow.language import Workflow, check, diff
from autoflow.suites import Task
from autoflow_worker.drawings.curve import Point, curve
from autoflow_worker.drawings.flowchart import difference, flowchart
from autoflow_worker.drawings.svg import shade
from autoflow_worker.drawings.tree import Node, tree
from autoflow_worker.page.template import environment, template
from autoflow_worker.ports import Score
from autoflow_worker.results import CandidateReport, Fate, IterationReport
from autoflow_worker.run_page.story import Story
from autoflow_worker.run_page.tallies import FAILED_BELOW
from autoflow_worker.statistics import t_interval

_MOST_TASKS, _MOST_REFUSED = 300, 200
_BEST = "best"
_QUERY = 300
"""Characters of a task's query."""
_ANSWER = 400
"""Characters of a step's answer."""
_DIGEST = 8
"""Digits by which a candidate is named."""


@dataclass(frozen=True, slots=True)
class _TaskLine:
    task: Task
    scores: list[Score | None]
    difference: float | None

    @property
    def query(self) -> str:
        return _cut(self.task.query.partition("\n\n")[0], _QUERY)


@dataclass(frozen=True, slots=True)
class _Refused:
    iteration: int
    candidate: CandidateReport


def render(story: Story) -> bytes:
    """The page in UTF-8; takes a moment."""
    made = environment()
    made.filters.update(signed=_signed, shade=shade, cut=_cut)
    lines = _task_lines(story)
    refused = _refused(story.iterations)
    return (
        template(made, __package__, "page.html.j2")
        .render(
            story=story,
            spec=story.spec,
            result=story.result,
            other=next((item.unoptimized[0] for item in story.result.reports if item.unoptimized), ""),
            names=list(story.rows),
            first=next(iter(story.spec.test.comparators), None),
            curve=_curve(story.iterations),
            tree=_tree(story),
            winner=_workflow(story.result.winner.text),
            flowchart=flowchart(_workflow(story.result.winner.text)),
            changed=_changed(story),
            lines=lines[:_MOST_TASKS],
            lines_left_out=len(lines[_MOST_TASKS:]),
            refused=refused[:_MOST_REFUSED],
            refused_left_out=len(refused[_MOST_REFUSED:]),
            fates=_fates(story.iterations),
            failed_below=FAILED_BELOW,
            answer_length=_ANSWER,
        )
        .encode(errors="replace")
    )


def _workflow(text: str) -> Workflow:
    workflow = check(text).workflow
    if workflow is None:
        raise ValueError("the winner is no workflow")  # It was executed: it cannot be.
    return workflow


def _curve(iterations: Sequence[IterationReport]) -> Markup:
    points = []
    for iteration in iterations:
        rewards = [item.reward for item in iteration.candidates if item.reward is not None]
        interval = t_interval(rewards).within(0.0, 1.0) if len(rewards) > 1 else None
        mean = iteration.reward_mean
        low, high = (interval.low, interval.high) if interval else (mean, mean)
        points.append(Point(mean, low, high, iteration.reward_max))
    return curve(points, label="mean reward of the candidates by iteration") if points else Markup("")


def _tree(story: Story) -> Markup:
    winner = story.result.winner.digest
    first = next(
        (
            (index, place)
            for index, iteration in enumerate(story.iterations)
            for place, item in enumerate(iteration.candidates)
            if item.digest == winner
        ),
        None,
    )
    nodes = [
        [_node(item, winner=(index, place) == first) for place, item in enumerate(iteration.candidates)]
        for index, iteration in enumerate(story.iterations)
    ]
    return tree(nodes, label="candidates by iteration") if any(nodes) else Markup("")


def _node(item: CandidateReport, *, winner: bool) -> Node:
    name = item.digest.removeprefix("sha256:")[:_DIGEST] or "no valid workflow"
    reward = f", reward {item.reward:.3f} on {item.tasks} tasks" if item.reward is not None else ""
    mended = ", mended" if item.mended else ""
    reason = f": {item.reason}" if item.reason else ""
    title = f"{name}{reward}, {item.fate}{mended}{reason}"
    kept = item.fate in {Fate.KEPT, Fate.MEASURED}
    return Node(item.digest, item.parents, item.reward, title, kept=kept, winner=winner)


def _changed(story: Story) -> Markup:
    """What the winner changed in the first comparator."""
    comparators = story.spec.test.comparators
    if not comparators:
        return Markup("")
    return difference(diff(_workflow(comparators[0].workflow.text), _workflow(story.result.winner.text)))


def _task_lines(story: Story) -> list[_TaskLine]:
    names = list(story.rows)
    first = story.spec.test.comparators[0].name if story.spec.test.comparators else ""
    lines = []
    for index, task in enumerate(story.tasks):
        scores = {name: story.rows[name][index] for name in names}
        mine, theirs = scores.get(_BEST), scores.get(first)
        gain = mine.reward - theirs.reward if mine and theirs else None
        lines.append(_TaskLine(task, list(scores.values()), gain))
    return sorted(lines, key=lambda line: line.difference if line.difference is not None else 2.0)


def _refused(iterations: Sequence[IterationReport]) -> list[_Refused]:
    return [
        _Refused(iteration.index, item)
        for iteration in iterations
        for item in iteration.candidates
        if item.fate not in {Fate.KEPT, Fate.MEASURED}
    ]


def _fates(iterations: Sequence[IterationReport]) -> list[tuple[str, int]]:
    counts = Counter(item.fate for iteration in iterations for item in iteration.candidates)
    return [(fate.value, counts[fate]) for fate in Fate if counts[fate]]


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"

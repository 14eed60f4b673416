"""What a run found, in tables that fit 80 columns."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.figures import clock, count, share
from autoflow.cli.results.summary import BEST, CONTROL, Interval, PolicyScore, Summary

_NAME = 8
"""Characters of a name at least, so that two tables stand in line."""
_BAR = 20
"""Characters of a bar of reward 1."""
_WIDE = 110
"""Columns from which there is room for bars."""


def summary_tables(summary: Summary, width: int) -> RenderableType:
    """All that is to be said in figures.

    Args:
        summary: what a run found.
        width: columns of the terminal.
    """
    bars = width >= _WIDE
    tasks = max((score.tasks for score in summary.scores.values()), default=0)
    title = f"On the {count(tasks, 'sealed test task')} of {one_line(summary.suite)}"
    parts: list[RenderableType] = [Text(title, "bold"), _workflows(summary, bars=bars)]
    if summary.policy is not None:
        samples, few = summary.policy.samples, summary.policy.tasks
        title = f"The policy: {count(samples, 'fresh sample')} before and after, on {few} of these tasks"
        parts += [Text(), Text(title, "bold"), _policy(summary.policy, bars=bars)]
    parts += [Text(), *_remarks(summary)]
    return Group(*parts)


def _table(*, bars: bool, last: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True, min_width=_NAME)
    table.add_column("reward", justify="right", no_wrap=True)
    table.add_column("95% interval", no_wrap=True)
    if bars:
        table.add_column("", no_wrap=True)
    for name in last:
        table.add_column(name, justify="right" if name else "left", no_wrap=bool(name))
    return table


def _workflows(summary: Summary, *, bars: bool) -> Table:
    f1 = any(score.plan_f1 for score in summary.scores.values())
    table = _table(bars=bars, last=("valid plans", *(["plan F1"] if f1 else []), ""))
    for name, score in summary.scores.items():
        about = _about(name, score.chosen_from)
        if score.missing:
            about += f", {count(score.missing, 'task')} missing"
        style = "bold green" if name == BEST else ""
        cells = [Text(one_line(name)), *_figures(score.reward, bars=bars)]
        plans = [Text(f"{score.valid_plan_rate:.0%}")]
        if f1:
            plans.append(Text(f"{score.plan_f1.mean:.3f}" if score.plan_f1 else "-"))
        table.add_row(*cells, *plans, Text(about), style=style)
    mean = summary.ceiling
    ceiling = Interval(mean, mean, mean)
    cells = [Text("ceiling"), *_figures(ceiling, bars=bars, interval=False)]
    table.add_row(*cells, *[Text()] * (1 + f1), Text("the reference plans"), style="dim")
    return table


def _policy(policy: PolicyScore, *, bars: bool) -> Table:
    table = _table(bars=bars, last=())
    table.add_row(Text("before"), *_figures(policy.before, bars=bars))
    table.add_row(Text("after"), *_figures(policy.after, bars=bars), style="bold green")
    return table


def _figures(reward: Interval, *, bars: bool, interval: bool = True) -> list[Text]:
    cells = [Text(f"{reward.mean:.3f}"), Text(_bounds(reward) if interval else "")]
    if bars:
        filled = round(max(0.0, min(1.0, reward.mean)) * _BAR)
        cells.append(Text("━" * filled))
    return cells


def _bounds(interval: Interval) -> str:
    return f"{interval.low:.3f} to {interval.high:.3f}"


def _about(name: str, chosen_from: int) -> str:
    if name == CONTROL:
        return f"best of {chosen_from} untrained"
    if name == BEST:
        return f"best of {chosen_from} candidates"
    return "given" if not chosen_from else f"best of {chosen_from}"


def _remarks(summary: Summary) -> list[Text]:
    """What else there is, a line each."""
    remarks = []
    improvement = summary.improvement
    if improvement is not None:
        remarks.append(
            f"The winner over {one_line(improvement.over)}, paired by task: {improvement.absolute.mean:+.3f} "
            f"({_bounds(improvement.absolute)}){share(improvement.relative)}."
        )
    cost = summary.cost
    remarks += [
        f"Samples that were valid workflows: {summary.valid_workflow_rate:.1%}; "
        f"cut off by the token limit: {summary.truncated}.",
        f"{count(cost.executions, 'execution')}, {count(cost.llm_calls, 'model call')}, "
        f"{count(cost.tokens, 'token')}, "
        f"{clock(cost.wall_seconds)} of wall time ({one_line(summary.method)}, seed {summary.seed}).",
    ]
    if cost.missing:
        remarks.append(f"Missing because the infrastructure failed, and not counted as low: {cost.missing}.")
    times = "once" if summary.test_openings == 1 else f"{summary.test_openings} times"
    remarks.append(f"This suite's test split was opened {times} here, this time included.")
    return [Text(remark) for remark in remarks]

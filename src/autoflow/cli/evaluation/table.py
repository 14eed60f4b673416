"""What an evaluation found, in a table that fits 80 columns."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.figures import clock, count, share
from autoflow.cli.runs.states import short_suite_id
from autoflow.cli.wire import enum_word
from autoflow.metric_labels import LABELS
from autoflow.v1 import run_pb2, task_pb2

_NAME = 14
"""Characters of a name at most; a longer one takes more lines."""


def evaluation_view(run: run_pb2.Run) -> RenderableType:
    """Table and remarks.

    Args:
        run: an evaluation that has succeeded.
    """
    wanted, found = run.evaluation, run.evaluation_result
    tasks = len(found.workflows[0].tasks) if found.workflows else 0
    split = enum_word(task_pb2.Split.DESCRIPTOR, "SPLIT_", wanted.split)
    title = f"On {count(tasks, f'{split} task')} of {one_line(short_suite_id(wanted.suite))}"
    table = _judged_table(found) if judged(found) else _table(found)
    return Group(Text(title, "bold"), Text(), table, Text(), *_remarks(run))


def judged(found: run_pb2.EvaluationResult) -> bool:
    """Whether the suite's own judge rewarded."""
    return any(workflow.HasField("constraints") for workflow in found.workflows)


def _judged_table(found: run_pb2.EvaluationResult) -> Table:
    table = _headed("constraints", "passed", "delivered", "common sense", "hard")
    last = len(found.workflows) - 1
    for number, workflow in enumerate(found.workflows):
        measures = workflow.constraints
        table.add_row(
            Text(one_line(workflow.name)),
            _cell(workflow.reward, "bold"),
            _share(workflow.pass_rate),
            _share(workflow.valid_plan_rate),
            _micro_macro(measures.commonsense_micro, measures.commonsense_macro),
            _micro_macro(measures.hard_micro, measures.hard_macro),
            style="dim" if number == last else "",
            end_section=True,
        )
    return table


def _headed(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", max_width=_NAME, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _table(found: run_pb2.EvaluationResult) -> Table:
    metrics = list(dict.fromkeys(item.metric for each in found.workflows for item in each.metrics))
    table = _headed(*(LABELS.get(metric, one_line(metric)) for metric in metrics), "average", "valid plans")
    last = len(found.workflows) - 1
    for number, workflow in enumerate(found.workflows):
        measured = {item.metric: _cell(item.reward) for item in workflow.metrics}
        table.add_row(
            Text(one_line(workflow.name)),
            *(measured.get(metric, Text("-")) for metric in metrics),
            _cell(workflow.reward, "bold"),
            _share(workflow.valid_plan_rate),
            style="dim" if number == last else "",
            end_section=True,
        )
    return table


def _cell(estimate: run_pb2.Estimate, style: str = "") -> Text:
    bounds = f"{estimate.ci95_low:.2f}-{estimate.ci95_high:.2f}"
    return Text.assemble((f"{estimate.mean:.3f}", style), "\n", (bounds, "dim"))


def _share(estimate: run_pb2.Estimate) -> Text:
    bounds = f"{100 * estimate.ci95_low:.0f}-{100 * estimate.ci95_high:.0f}%"
    return Text.assemble(f"{estimate.mean:.0%}", "\n", (bounds, "dim"))


def _micro_macro(micro: float, macro: float) -> Text:
    return Text.assemble(f"{micro:.0%}", "\n", (f"all: {macro:.0%}", "dim"))


def _reading(found: run_pb2.EvaluationResult) -> str:
    """How the table is to be read."""
    if judged(found):
        return (
            "Constraints: the part that holds of a task's, its reward; passed: tasks of which all hold; "
            "delivered: tasks whose answer can be read. Below each is its 95% interval over tasks; below "
            "common sense and hard, of how many tasks all of that kind hold. `reference` are the reference "
            "answers themselves."
        )
    counts = [f"{LABELS.get(item.metric, one_line(item.metric))} {item.tasks}" for item in _counted(found)]
    return (
        f"Tasks by metric: {', '.join(counts)}. Below each mean is its 95% interval over tasks; "
        "`reference` are the reference plans themselves."
    )


def _remarks(run: run_pb2.Run) -> list[Text]:
    """What else there is, a line each."""
    found, spent = run.evaluation_result, run.ledger
    remarks = [_reading(found)]
    for workflow in found.workflows:
        if workflow.HasField("improvement"):
            gain = workflow.improvement
            bounds = f"{gain.absolute.ci95_low:+.3f} to {gain.absolute.ci95_high:+.3f}"
            remarks.append(
                f"{one_line(workflow.name)} over {one_line(gain.over)}, paired by task: "
                f"{gain.absolute.mean:+.3f} ({bounds}){share(gain.relative)}."
            )
    tokens = spent.usage.prompt_tokens + spent.usage.completion_tokens
    remarks.append(
        f"{count(spent.executions, 'execution')}, {spent.cache_hits:,} spared by the cache, "
        f"{count(spent.usage.llm_calls, 'model call')}, {count(tokens, 'token')}, "
        f"{clock(spent.wall_time.ToTimedelta().total_seconds())} of wall time."
    )
    for workflow in found.workflows:
        if workflow.missing:
            remarks.append(
                f"Missing for {one_line(workflow.name)} because the infrastructure failed, and counted "
                f"nowhere: {workflow.missing} of {count(len(workflow.tasks), 'task')}."
            )
        if workflow.spent.limited:
            limited = count(workflow.spent.limited, "execution")
            remarks.append(
                f"{limited} of {one_line(workflow.name)} ended at a limit on steps, calls, tokens, time or "
                "cost, and counted with what had been answered by then."
            )
    if found.test_openings:
        times = "once" if found.test_openings == 1 else f"{found.test_openings} times"
        remarks.append(f"This suite's test split was opened {times} here, this time included.")
    return [Text(remark) for remark in remarks]


def _counted(found: run_pb2.EvaluationResult) -> list[run_pb2.MetricEstimate]:
    """Each metric with its number of tasks, as the reference plans have them."""
    return list(found.workflows[-1].metrics) if found.workflows else []

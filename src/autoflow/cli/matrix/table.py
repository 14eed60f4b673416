"""What a matrix found: a table with a shade for each pairing."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.cli.figures import clock, count
from autoflow.cli.model_names import model_word
from autoflow.cli.results.trust import flag_lines
from autoflow.cli.runs.states import short_suite_id
from autoflow.cli.wire import enum_word
from autoflow.v1 import run_pb2, task_pb2

_NAME = 24
"""Characters of a model at most."""
_SHADES = ("", "on grey23", "on dark_green", "on green4", "bold black on green3")
"""Backgrounds by reward, in fifths."""
_BLOCKS = " ░▒▓█"
"""The same for terminals without colours."""


def matrix_view(run: run_pb2.Run) -> RenderableType:
    """Table and remarks.

    Args:
        run: a matrix that has succeeded.
    """
    found = run.matrix_result
    split = enum_word(task_pb2.Split.DESCRIPTOR, "SPLIT_", run.matrix.split or task_pb2.SPLIT_TEST)
    title = f"Mean reward on {split} tasks of {one_line(short_suite_id(run.matrix.suite))}"
    flags = flag_lines(flag for pairing in found.pairings for flag in pairing.flags)
    return Group(Text(title, "bold"), Text(), _table(run), Text(), *_remarks(run), *flags)


def _table(run: run_pb2.Run) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("written ↓, executed →", max_width=_NAME, overflow="fold")
    interpreters = run.matrix.interpreters
    for model in interpreters:
        table.add_column(one_line(model_word(model)), justify="right", max_width=_NAME, overflow="fold")
    pairings = run.matrix_result.pairings
    for row, model in enumerate(run.matrix.generators):
        cells = pairings[row * len(interpreters) : (row + 1) * len(interpreters)]
        table.add_row(Text(one_line(model_word(model))), *map(_cell, cells), end_section=True)
    return table


def _cell(pairing: run_pb2.Pairing) -> Text:
    if not pairing.HasField("reward"):
        return Text("not measured" if pairing.winner.source else "no workflow", "yellow")
    reward = pairing.reward
    fifth = min(len(_SHADES) - 1, int(reward.mean * len(_SHADES)))
    bounds = f"{reward.ci95_low:.2f}-{reward.ci95_high:.2f}"
    mean = f" {_BLOCKS[fifth]} {reward.mean:.3f} "
    return Text.assemble((mean, _SHADES[fifth]), "\n", (bounds, "dim"))


def _remarks(run: run_pb2.Run) -> list[Text]:
    found, spent = run.matrix_result, run.ledger
    tokens = spent.usage.prompt_tokens + spent.usage.completion_tokens
    remarks = [
        "Each pairing searched by itself and chose on validation; below each mean is its 95% interval.",
        f"{count(spent.executions, 'execution')}, {spent.cache_hits:,} spared by the cache, "
        f"{count(spent.usage.llm_calls, 'model call')}, {count(tokens, 'token')}, "
        f"{clock(spent.wall_time.ToTimedelta().total_seconds())} of wall time.",
    ]
    if found.test_openings:
        times = "once" if found.test_openings == 1 else f"{found.test_openings} times"
        remarks.append(f"This suite's test split was opened {times} here, this time included.")
    return [Text(remark) for remark in remarks]

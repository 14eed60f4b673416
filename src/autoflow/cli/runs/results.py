"""What a run of any kind found, for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from autoflow.cli.evaluation.comparison import comparison_view
from autoflow.cli.evaluation.table import evaluation_view, judged
from autoflow.cli.matrix.table import matrix_view
from autoflow.cli.results.convert import summary_from_run
from autoflow.cli.results.tables import summary_tables
from autoflow.cli.results.trust import trust_lines
from autoflow.cli.results.winner import winner_steps
from autoflow.v1 import run_pb2


def result_view(run: run_pb2.Run, width: int) -> RenderableType:
    """What came out of a run.

    Args:
        run: a run that has succeeded, with all its iterations.
        width: columns of the terminal.
    """
    if run.HasField("evaluation_result"):
        compared = comparison_view(run)
        found = evaluation_view(run)
        return found if compared is None else Group(found, Text(), compared)
    if run.HasField("matrix_result"):
        return matrix_view(run)
    summary = summary_from_run(run)
    parts = [winner_steps(summary.winner), Text(), summary_tables(summary, width)]
    return Group(*parts, *trust_lines(run.optimization_result))


def page_line(run: run_pb2.Run) -> str:
    """What the page of a run shows, in words."""
    if run.HasField("matrix_result"):
        return "the matrix as a table and a heat map"
    if run.HasField("optimization_result"):
        return "curves, candidates, the winner and what it cost"
    if judged(run.evaluation_result):
        return "answers, and which constraints fail and why"
    if run.evaluation.reward == run_pb2.REWARD_PLAN:
        return "answers and plans, for none was executed"
    return "inputs, outputs and references"

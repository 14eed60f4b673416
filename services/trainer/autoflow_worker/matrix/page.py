"""The page of a matrix: a heat map, the table of its pairings, flags, costs, and the winners' texts.

One HTML file that needs nothing else, and no script; see `autoflow_worker.page`. Left out: the tasks one by
one, and how each pairing searched: that is in the run's iterations.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from autoflow.suites import TaskSuite
from autoflow_worker.drawings.heat import Square, heat_map
from autoflow_worker.matrix.results import PairingResult
from autoflow_worker.matrix.spec import MatrixSpec
from autoflow_worker.page.template import environment, template


def page(spec: MatrixSpec, suite: TaskSuite, found: Sequence[PairingResult], openings: int) -> bytes:
    """The page in UTF-8.

    Args:
        spec: what was done.
        suite: on what.
        found: every pairing, in the order of the spec.
        openings: of the test split; 0 for another split.
    """
    return (
        template(environment(), __package__, "page.html.j2")
        .render(
            spec=spec,
            title=suite.title,
            digest=suite.digest,
            count=len(suite.tasks(spec.split)),
            pairings=found,
            openings=openings,
            flags=[flag for each in found for flag in each.flags],
            costs=[(each.name, each.spent) for each in found],
            heat=_heat(spec, found),
        )
        .encode(errors="replace")
    )


def _heat(spec: MatrixSpec, found: Sequence[PairingResult]) -> Markup:
    width = len(spec.interpreters)
    squares = [list(map(_square, found[at : at + width])) for at in range(0, len(found), width)]
    return heat_map(
        [str(name) for name in spec.generators],
        [str(name) for name in spec.interpreters],
        squares,
        sides=("written by", "executed by"),
        label="mean reward of each pairing's winner",
    )


def _square(found: PairingResult) -> Square:
    if found.reward is None:
        return Square(None, f"{found.name}: no valid workflow")
    reward = found.reward
    return Square(reward.mean, f"{found.name}: {reward.mean:.3f} ({reward.low:.3f} to {reward.high:.3f})")

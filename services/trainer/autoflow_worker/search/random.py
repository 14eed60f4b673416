"""Independent candidates, of which the best is kept: best of N, the control of every other method."""

from __future__ import annotations

from collections.abc import Sequence

from autoflow_worker.methods import TrainingSettings
from autoflow_worker.results import Fate
from autoflow_worker.search.base import Child, Proposal, Strategy


class Random(Strategy):
    """Every candidate is drawn from the goal alone and measured on all the iteration's tasks."""

    defaults = TrainingSettings(iterations=8, candidates=8)

    def propose(self, index: int) -> Sequence[Proposal]:
        """Fresh designs."""
        return [Proposal(self._settings.candidates)]

    def receive(self, index: int, children: Sequence[Child]) -> None:
        """Nothing is learned."""
        for child in children:
            child.fate = child.fate or Fate.MEASURED

"""The AutoFlow paper's method in context: a chat in which every workflow is followed by its score or error.

One candidate an iteration. Its score is the mean over the iteration's tasks. A workflow that the chat has
already says nothing new and is not said again; one that could not be measured is no news either. The chat
grows until it is `LONGEST` workflows long or fills the model's context, whichever comes first; then the
oldest are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autoflow_worker.methods import TrainingSettings
from autoflow_worker.refinement import Attempt
from autoflow_worker.results import Fate
from autoflow_worker.search.base import Child, Proposal, Strategy, TasksOf

LONGEST = 64
"""Workflows of the chat: as many as one request may carry."""


class History(Strategy):
    """The chat."""

    defaults = TrainingSettings(iterations=64, candidates=1)

    def __init__(self, settings: TrainingSettings, tasks_of: TasksOf, seed: int) -> None:
        super().__init__(settings, tasks_of, seed)
        self._chat: list[dict[str, Any]] = []

    def propose(self, index: int) -> Sequence[Proposal]:
        """The chat so far, or the goal alone while there is none."""
        attempts = tuple(Attempt(turn["text"], turn["score"], turn["error"]) for turn in self._chat)
        parents = tuple(turn["digest"] for turn in reversed(self._chat) if turn["digest"])
        return [Proposal(self._settings.candidates, attempts, parents=parents)]

    def receive(self, index: int, children: Sequence[Child]) -> None:
        """The chat goes on."""
        for child in children:
            child.fate = child.fate or Fate.MEASURED
            if child.fate in (Fate.MEASURED, Fate.INVALID):
                self._chat.append(_turn(child))
        del self._chat[:-LONGEST]

    def state(self) -> dict[str, Any]:
        """The chat."""
        return {"chat": self._chat}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave."""
        self._chat = [dict(turn) for turn in state["chat"]]


def _turn(child: Child) -> dict[str, Any]:
    if child.subject is None:
        return {"digest": "", "text": child.candidate.text, "score": None, "error": child.candidate.error}
    workflow = child.subject.workflow
    return {"digest": workflow.digest, "text": workflow.text, "score": child.subject.reward, "error": ""}

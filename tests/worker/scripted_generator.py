"""A generator that writes what it is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autoflow_worker.ports import CallFailed, Candidate, Generation
from autoflow_worker.refinement import Attempt, Change
from tests.worker.doubles import DRAWING, PROMPT, workflow


class ScriptedGenerator:
    """Draws what a function of the seed writes; None is an invalid candidate.

    A candidate's token ids depend on its text alone. Requests are kept as (count, seed, adapter).

    Args:
        write: what a seed's candidate answers, given the adapter.
        failures: calls that fail at first.
        refine: what a seed's successor answers, given what the model is shown. Default: `write`.

    Attributes:
        shown: what each request for successors showed, and wanted changed.
    """

    def __init__(
        self,
        write: Callable[[int, str], str | None],
        failures: int = 0,
        refine: Callable[[int, Sequence[Attempt]], str | None] | None = None,
    ) -> None:
        self._write = write
        self._failures = failures
        self._refine = refine
        self.requests: list[tuple[int, int, str]] = []
        self.shown: list[tuple[tuple[Attempt, ...], Change | None]] = []

    async def draw(self, count: int, *, seed: int, adapter: str) -> Generation:
        """Draws, or fails."""
        return self._drawn(count, seed, adapter, lambda seed: self._write(seed, adapter))

    async def refine(
        self, attempts: Sequence[Attempt], change: Change | None, count: int, *, seed: int, adapter: str
    ) -> Generation:
        """Draws successors, or fails."""
        self.shown.append((tuple(attempts), change))
        refine = self._refine
        write = (lambda seed: refine(seed, attempts)) if refine else (lambda seed: self._write(seed, adapter))
        return self._drawn(count, seed, adapter, write)

    def _drawn(self, count: int, seed: int, adapter: str, write: Callable[[int], str | None]) -> Generation:
        self.requests.append((count, seed, adapter))
        if len(self.requests) <= self._failures:
            raise CallFailed("no generator today")
        return Generation(PROMPT, tuple(_candidate(write(seed + index)) for index in range(count)))


def _candidate(instruction: str | None) -> Candidate:
    ids = tuple((instruction or "-").encode())
    if instruction is None:
        return Candidate(None, True, ids, DRAWING, text="Step 1", error="the step has no type")
    drawn = workflow(instruction)
    return Candidate(drawn, False, ids, DRAWING, text=drawn.text)

"""A matrix from its start, or from its last commit, to its result and its page.

The pairings take turns, an iteration each, so that they stand equal where the one budget of all ends. Every
iteration is committed, with a checkpoint of all pairings and of the evaluation caches, one for each
interpreter. Pairings of one interpreter share its cache: what one has measured costs the other nothing.

When all have searched, each one's winner is chosen on validation; then all winners are measured on the split
of the request, once. A pairing that has found no valid workflow has no winner and is told as such. What a
lost worker had executed since its last commit is told once more by the interpreter, and not paid again
(`autoflow_worker.remote_interpreter`).

Left out: pairings side by side. One pairing's executions run side by side already.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from autoflow.errors import FailedPrecondition
from autoflow.methods import SHORTLIST
from autoflow.suites import Split, TaskSuite
from autoflow.telemetry import span
from autoflow_worker.concurrency import Retry, patiently
from autoflow_worker.context import Journal
from autoflow_worker.ledger import BudgetSpent, Ledger, Meter, too_small
from autoflow_worker.matrix.comparison import Compared, results
from autoflow_worker.matrix.page import page
from autoflow_worker.matrix.pairing import Desk, Pairing
from autoflow_worker.matrix.results import MatrixResult, PairingResult
from autoflow_worker.matrix.spec import MatrixSpec
from autoflow_worker.ports import Artifacts
from autoflow_worker.results import Progress
from autoflow_worker.search import Chosen

_FORMAT = 1
_STATE = "matrix.json"


class MatrixJob:
    """The work on one matrix.

    Args:
        spec: what to do.
        suite: the tasks.
        desks: of the pairings, in the order of the spec.
        meter: counts, and keeps the budget.
        journal: where progress and iterations go.
        artifacts: keeps checkpoints and the page.
        retry: what is done where the artifact store is away.
        checkpoint: where to go on from; empty for the start.
    """

    def __init__(
        self,
        spec: MatrixSpec,
        suite: TaskSuite,
        desks: Sequence[Desk],
        meter: Meter,
        journal: Journal,
        artifacts: Artifacts,
        *,
        retry: Retry,
        checkpoint: str,
    ) -> None:
        self._spec = spec
        self._suite = suite
        self._desks = desks
        self._meter = meter
        self._journal = journal
        self._artifacts = artifacts
        self._retry = retry
        self._checkpoint = checkpoint
        self._committed = 0

    @property
    def ledger(self) -> Ledger:
        """What the run has spent by now."""
        return self._meter.ledger

    async def run(self) -> MatrixResult:
        """Searches what is left to search, chooses, and compares.

        Raises:
            BudgetSpent: the budget did not last, or cannot.
            CallFailed: nothing could be drawn, or something not be measured at all.
            FailedPrecondition: not one pairing has found a valid workflow.
        """
        self._journal.progress(Progress("loading", 0, 0))
        pairings = await self._pairings()
        await self._search(pairings)
        chosen = [await self._choose(number, pairing) for number, pairing in enumerate(pairings)]
        if not any(chosen):
            raise FailedPrecondition("not one pairing has found a valid workflow")
        sealed = self._spec.split is Split.TEST
        openings = await self._journal.open_test(self._suite.digest) if sealed else 0
        compared = await self._compare(pairings, chosen)
        self._journal.progress(Progress("reporting", 0, 0))
        found = results(self._spec, self._suite, compared, openings)
        return MatrixResult(found, openings, self._suite.digest, await self._page(found, openings))

    async def _pairings(self) -> list[Pairing]:
        """The pairings where they stand."""
        states: Sequence[Any] = [None] * len(self._desks)
        if self._checkpoint:
            state = await patiently(self._retry, self._restored)
            self._committed, states = state["committed"], state["pairings"]
            for desk in self._desks:
                cache = desk.context.evaluator.cache
                # None where the interpreter's prompts changed in between: what it says now is measured anew.
                if known := state["caches"].get(cache.identity):
                    cache.load(known)
        reserve = self._reserve()
        pairings = [
            Pairing(desk, state, reserve=reserve) for desk, state in zip(self._desks, states, strict=True)
        ]
        settings = self._spec.training
        first = len(pairings) * settings.candidates * settings.tasks
        if not self._committed and not self._meter.covers(first + reserve):
            what = "one iteration of every pairing"
            raise too_small(what, first + reserve, "models, candidates or tasks")
        return pairings

    def _reserve(self) -> int:
        """The most executions that choosing and comparing can need."""
        sizes = {split: len(self._suite.tasks(split)) for split in (Split.VALIDATION, self._spec.split)}
        drawn = self._spec.training.iterations * self._spec.training.candidates
        validation = min(SHORTLIST, drawn) * sizes[Split.VALIDATION]
        return len(self._desks) * (validation + sizes[self._spec.split])

    async def _search(self, pairings: Sequence[Pairing]) -> None:
        while searching := [pairing for pairing in pairings if not pairing.search.done]:
            # Whose turn it is follows from where they stand: another worker goes on with the same one.
            pairing = min(searching, key=lambda pairing: pairing.search.iteration)
            number = pairings.index(pairing)
            done, total = pairing.search.iteration, self._spec.training.iterations
            self._journal.progress(Progress(self._phase(number, "searching"), done, total))
            try:
                with span("run.iteration", {"autoflow.run.iteration": self._committed}):
                    await self._iterate(pairings, number)
            except BudgetSpent:
                if not self._committed:
                    raise
                return

    async def _iterate(self, pairings: Sequence[Pairing], number: int) -> None:
        pairing = pairings[number]
        with pairing.paying():
            report = await pairing.search.step()
        checkpoint = await patiently(self._retry, partial(self._stored, pairings))
        await self._journal.commit(replace(report, index=self._committed, pairing=number), checkpoint)
        self._committed += 1

    async def _choose(self, number: int, pairing: Pairing) -> Chosen | None:
        with pairing.paying():
            return await pairing.search.winner(self._phase(number, "validating"))

    async def _compare(self, pairings: Sequence[Pairing], chosen: Sequence[Chosen | None]) -> list[Compared]:
        """Measures every winner on the split."""
        tasks = self._suite.tasks(self._spec.split)
        total = sum(map(bool, chosen)) * len(tasks)
        compared: list[Compared] = []
        for pairing, winner in zip(pairings, chosen, strict=True):
            if winner is None:
                compared.append(Compared(pairing, None, None))
                continue
            done = sum(one.row is not None for one in compared) * len(tasks)

            def on_progress(ended: int, of: int, done: int = done) -> None:
                self._journal.progress(Progress("comparing", done + len(tasks) - of + ended, total))

            self._journal.progress(Progress("comparing", done, total))
            with pairing.paying():
                (row,) = await pairing.evaluator.evaluate([(winner.workflow, tasks)], on_progress=on_progress)
            compared.append(Compared(pairing, winner, row))
        return compared

    def _phase(self, number: int, doing: str) -> str:
        return f"pairing {number + 1} of {len(self._desks)}: {doing}"

    async def _page(self, found: Sequence[PairingResult], openings: int) -> str:
        def make() -> str:
            return self._artifacts.put(page(self._spec, self._suite, found, openings))

        return await patiently(self._retry, make)

    def _stored(self, pairings: Sequence[Pairing]) -> str:
        """Stores where all stand after an iteration; blocks."""
        caches = {pairing.evaluator.cache.identity: pairing.evaluator.cache for pairing in pairings}
        state = {
            "format": _FORMAT,
            "committed": self._committed + 1,
            "pairings": [pairing.state() for pairing in pairings],
            "caches": {identity: cache.state() for identity, cache in caches.items()},
        }
        with tempfile.TemporaryDirectory() as scratch:
            text = json.dumps(state, sort_keys=True, separators=(",", ":"))
            (Path(scratch) / _STATE).write_text(text)
            return self._artifacts.put_folder(Path(scratch))

    def _restored(self) -> Any:
        with tempfile.TemporaryDirectory() as scratch:
            folder = self._artifacts.fetch_folder(self._checkpoint, Path(scratch) / "checkpoint")
            state = json.loads((folder / _STATE).read_text())
        if state["format"] != _FORMAT:
            raise FailedPrecondition("the run's checkpoint was written by another version of the worker")
        return state

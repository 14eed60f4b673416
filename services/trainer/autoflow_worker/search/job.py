"""An optimisation that searches in context, from its start, or from its last commit, to its result."""

from __future__ import annotations

import asyncio

from autoflow.methods import SHORTLIST
from autoflow.telemetry import span
from autoflow_worker.checkpoint import Checkpoints, State
from autoflow_worker.context import Context
from autoflow_worker.ledger import BudgetSpent, Ledger, too_small
from autoflow_worker.ports import Scorer
from autoflow_worker.publishing import Publisher
from autoflow_worker.report import Ending, Found, reserve
from autoflow_worker.results import Progress, Result
from autoflow_worker.search.methods import search_of
from autoflow_worker.search.search import Search
from autoflow_worker.search.traces import Traces


class SearchJob:
    """The work on one run. It loads no weights and publishes no adapter.

    Args:
        context: what to do, and with what.
        scorer: scores the reference plans.
        checkpoints: keeps states.
        publisher: makes the page of the result, and registers the winner.
        traces: what the context's evaluator tells of executions.
        checkpoint: where to go on from; empty for the start.
    """

    def __init__(
        self,
        context: Context,
        scorer: Scorer,
        checkpoints: Checkpoints,
        publisher: Publisher,
        traces: Traces,
        checkpoint: str,
    ) -> None:
        self._context = context
        self._scorer = scorer
        self._checkpoints = checkpoints
        self._publisher = publisher
        self._traces = traces
        self._checkpoint = checkpoint

    @property
    def ledger(self) -> Ledger:
        """What the run has spent by now."""
        return self._context.meter.ledger

    async def run(self) -> Result:
        """Searches what is left to search, then measures.

        Raises:
            BudgetSpent: the budget is too small for one iteration, or did not last.
            CallFailed: nothing could be drawn or measured.
            FailedPrecondition: the run has found no valid workflow.
        """
        search = await self._search()
        if not search.iteration and not search.affordable:
            raise too_small("one iteration", search.needed, "candidates or tasks")
        try:
            while not search.done:
                await self._iterate(search)
        except BudgetSpent:
            if not search.iteration:
                raise
        found = Found(
            search.workflows[:SHORTLIST],
            search.drawn,
            control=search.executions // self._context.spec.training.tasks,
        )
        return await Ending(self._context, self._scorer, found, self._publisher).run()

    async def _search(self) -> Search:
        """The search, where it stands."""
        left = reserve(self._context.spec, self._context.suite)
        if not self._checkpoint:
            return search_of(self._context, self._traces, reserve=left)
        state = await asyncio.to_thread(self._checkpoints.restore, self._checkpoint, None)
        self._context.evaluator.cache.load(state.cache)
        return search_of(self._context, self._traces, state.method, reserve=left)

    async def _iterate(self, search: Search) -> None:
        iterations = self._context.spec.training.iterations
        self._context.journal.progress(Progress("searching", search.iteration, iterations))
        # A trace for each iteration: one for a whole run would have a span for each execution in it.
        with span("run.iteration", {"autoflow.run.iteration": search.iteration}):
            report = await search.step()
            state = State(
                iteration=search.iteration, method=search.state(), cache=self._context.evaluator.cache.state()
            )
            checkpoint = await asyncio.to_thread(self._checkpoints.save_search, state)
            await self._context.journal.commit(report, checkpoint)

"""An optimisation that trains an adapter, from its start, or from its last commit, to its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from autoflow.suites import Split
from autoflow_worker.checkpoint import Checkpoints, State
from autoflow_worker.context import Context
from autoflow_worker.ledger import Ledger
from autoflow_worker.loop import Loop
from autoflow_worker.methods import METHODS
from autoflow_worker.ports import Policy, Scorer
from autoflow_worker.publishing import Publisher
from autoflow_worker.report import Ending, Found, reserve
from autoflow_worker.results import Progress, Result
from autoflow_worker.selection import shortlist


class OptimizationJob:
    """The work on one run.

    Args:
        context: what to do, and with what.
        scorer: scores the reference plans.
        checkpoints: keeps weights and states.
        publisher: makes the page of the result, and registers the winner.
        load_policy: reads the untrained policy; blocks.
        checkpoint: where to go on from; empty for the start.
    """

    def __init__(
        self,
        context: Context,
        scorer: Scorer,
        checkpoints: Checkpoints,
        publisher: Publisher,
        load_policy: Callable[[], Policy],
        checkpoint: str,
    ) -> None:
        self._context = context
        self._scorer = scorer
        self._checkpoints = checkpoints
        self._publisher = publisher
        self._load_policy = load_policy
        self._checkpoint = checkpoint

    @property
    def ledger(self) -> Ledger:
        """What the run has spent by now."""
        return self._context.meter.ledger

    async def run(self) -> Result:
        """Learns what is left to learn, then measures."""
        spec = self._context.spec
        self._context.journal.progress(Progress("loading", 0, 0))
        policy = await asyncio.to_thread(self._load_policy)
        method = METHODS[spec.method]()
        state = State()
        if self._checkpoint:
            state = await asyncio.to_thread(self._checkpoints.restore, self._checkpoint, policy)
            method.load(state.method)
            self._context.evaluator.cache.load(state.cache)
        left = reserve(spec, self._context.suite)
        state = await Loop(self._context, method, policy, self._checkpoints, state, reserve=left).run()
        left_over = found(self._context, state)
        return await Ending(self._context, self._scorer, left_over, self._publisher).run()


def found(context: Context, state: State) -> Found:
    """What the learning left."""
    train = context.suite.tasks(Split.TRAIN)
    best = shortlist(state.workflows, train, context.evaluator.cache)
    drawn = state.iteration * context.spec.training.candidates
    return Found(tuple(best), drawn, control=drawn, adapter=state.adapter)

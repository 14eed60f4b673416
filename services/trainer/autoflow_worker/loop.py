"""The loop: draw candidates, execute and score them, learn from the rewards, commit; again.

Every candidate of an iteration is measured on the same training tasks. An iteration exists when it is
committed; whatever a stopped worker had begun is begun anew by the next one, from the last commit's weights
and with the same seeds. The test split is not touched here.

The evaluation of one iteration does not overlap with the learning of the one before: samples always come from
the weights that learn from them.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from autoflow.errors import FailedPrecondition
from autoflow.telemetry import span
from autoflow_worker.agreement import check_agreement
from autoflow_worker.checkpoint import Checkpoints, State
from autoflow_worker.context import Context
from autoflow_worker.evaluator import Row, mean_reward
from autoflow_worker.ledger import BudgetSpent, too_small
from autoflow_worker.methods import Method, Rollout
from autoflow_worker.ports import CallFailed, Candidate, Generation, Policy, Prompt, UpdateStats
from autoflow_worker.results import CandidateReport, Fate, IterationReport, Progress
from autoflow_worker.seeds import Purpose, derive


class Loop:
    """One run's learning.

    Args:
        context: what to do, and with what.
        method: chooses what to learn from.
        policy: learns.
        checkpoints: keeps weights and states.
        state: where to begin; policy, method and cache stand there already.
        reserve: executions to leave in the budget for what follows the learning.
    """

    def __init__(
        self,
        context: Context,
        method: Method,
        policy: Policy,
        checkpoints: Checkpoints,
        state: State,
        *,
        reserve: int = 0,
    ) -> None:
        self._context = context
        self._method = method
        self._policy = policy
        self._checkpoints = checkpoints
        self._state = state
        self._reserve = reserve
        self._agreed = False

    async def run(self) -> State:
        """Does all iterations that are left, as far as the budget goes.

        Returns:
            Where the run stands after the last committed iteration.

        Raises:
            CallFailed: nothing could be drawn, or an iteration could not be measured at all.
            FailedPrecondition: the model cannot be trained by what its server tells.
            BudgetSpent: the budget is too small for a single iteration.
        """
        training = self._context.spec.training
        while self._state.iteration < training.iterations:
            self._context.journal.progress(Progress("learning", self._state.iteration, training.iterations))
            needed = training.candidates * training.tasks + self._reserve
            if not self._context.meter.covers(needed):
                if not self._state.iteration:
                    raise too_small("one iteration", needed, "candidates or tasks")
                break
            try:
                # A trace for each iteration: one for a whole run would have a span for each execution in it.
                with span("run.iteration", {"autoflow.run.iteration": self._state.iteration}):
                    await self._iterate(self._state.iteration)
            except BudgetSpent:
                if not self._state.iteration:
                    raise
                break
        return self._state

    async def _iterate(self, index: int) -> None:
        started = time.monotonic()
        generation = await self._context.draw(
            self._context.spec.training.candidates,
            purpose=Purpose.CANDIDATES,
            index=index,
            adapter=self._state.adapter,
        )
        prompt = self._checked_prompt(generation)
        if not self._agreed:
            await asyncio.to_thread(check_agreement, self._policy, prompt, generation.candidates)
            self._agreed = True
        tasks = self._context.training_tasks(index)
        rows = await self._context.evaluator.evaluate(
            [(candidate.workflow, tasks) for candidate in generation.candidates]
        )
        rollouts = _rollouts(generation.candidates, rows)
        stats = await self._learn(prompt, rollouts, index)
        checkpoint = await asyncio.to_thread(self._store, generation)
        report = self._report(generation, rows, stats, time.monotonic() - started)
        await self._context.journal.commit(report, checkpoint)

    async def _learn(self, prompt: Prompt, rollouts: Sequence[Rollout], index: int) -> UpdateStats | None:
        """Updates the policy; None where there was nothing to learn."""
        batches = self._method.learn(rollouts, seed=derive(self._context.spec.seed, Purpose.REPLAY, index))
        if not batches:
            return None
        rate = self._context.spec.training.rate(index)
        return await asyncio.to_thread(self._policy.update, prompt, batches, rate=rate)

    def _store(self, generation: Generation) -> str:
        """Moves the state past an iteration and stores it; blocks."""
        drawn = [candidate.workflow for candidate in generation.candidates if candidate.workflow is not None]
        distinct = {workflow.digest: workflow for workflow in (*self._state.workflows, *drawn)}
        with tempfile.TemporaryDirectory() as scratch:
            self._state = State(
                iteration=self._state.iteration + 1,
                adapter=self._checkpoints.publish(self._policy, Path(scratch), self._state.iteration + 1),
                prompt=generation.prompt,
                workflows=tuple(distinct.values()),
                method=self._method.state(),
                cache=self._context.evaluator.cache.state(),
            )
            return self._checkpoints.save(self._state, Path(scratch))

    def _report(
        self, generation: Generation, rows: Sequence[Row], stats: UpdateStats | None, seconds: float
    ) -> IterationReport:
        candidates = generation.candidates
        rewards = [mean for row in rows if (mean := mean_reward(row)) is not None]
        return IterationReport(
            index=self._state.iteration - 1,
            reward_mean=sum(rewards) / len(rewards),
            reward_max=max(rewards),
            valid_rate=sum(candidate.workflow is not None for candidate in candidates) / len(candidates),
            truncated=sum(candidate.truncated for candidate in candidates),
            kl=stats.kl if stats else 0.0,
            update_skipped=stats is None,
            seconds=seconds,
            adapter=self._state.adapter,
            ledger=self._context.meter.ledger,
            candidates=tuple(map(_summary, candidates, rows)),
        )

    def _checked_prompt(self, generation: Generation) -> Prompt:
        """The prompt of the draw, if the policy can learn from it.

        Samples of several iterations are learned from together, so they must share one prompt and one
        grammar.
        """
        prompt = generation.prompt
        if not prompt.token_ids or not all(candidate.token_ids for candidate in generation.candidates):
            raise FailedPrecondition(
                "the generator's model does not tell its token ids: it cannot be trained here"
            )
        if not prompt.grammar:
            raise FailedPrecondition("the generator's model takes no grammar: it cannot be trained here")
        if self._state.prompt not in (None, prompt):
            raise FailedPrecondition("the generator's prompt or grammar changed within the run")
        return prompt


def _rollouts(candidates: Sequence[Candidate], rows: Sequence[Row]) -> list[Rollout]:
    """The candidates that have a reward; those of which every cell is missing have none."""
    rewards = [(candidate, mean_reward(row)) for candidate, row in zip(candidates, rows, strict=True)]
    rollouts = [Rollout(candidate.token_ids, reward) for candidate, reward in rewards if reward is not None]
    if not rollouts:
        raise CallFailed("not one candidate of the iteration could be measured")
    return rollouts


def _summary(candidate: Candidate, row: Row) -> CandidateReport:
    """What became of a candidate. One that was drawn before is learned from all the same."""
    if candidate.workflow is None:
        return CandidateReport("", Fate.INVALID, reason=candidate.error)
    mean = mean_reward(row)
    return CandidateReport(
        candidate.workflow.digest,
        Fate.MISSING if mean is None else Fate.MEASURED,
        reward=mean,
        tasks=sum(score is not None for score in row),
    )

"""The engine: one thread that advances all calls together, pass after pass (continuous batching).

Event loops hand calls in and await their futures; the model never runs on an event loop. Results of a pass
travel back together, one wake-up for each loop.

A forward pass that raises fails the calls in it, and the engine goes on with the others; should its thread
end, everything that waits fails, and so does what comes later, and the engine is no longer `alive`. Not
protected against: a pass that never returns.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from autoflow.llm.base import LanguageModelError, ModelOverloaded, ModelUnavailable
from autoflow.llm.local.adapters import Adapters
from autoflow.llm.local.calls import Call, DrawCall, Outcome, ScoreCall, deliver
from autoflow.llm.local.runner import Advance, Runner
from autoflow.llm.local.sampling import Sampler
from autoflow.llm.local.scheduler import Scheduler

logger = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class Counters:
    """What an engine has done since it started."""

    passes: int = 0
    """Forward passes."""
    computed_tokens: int = 0
    """Tokens whose keys and values were computed."""
    reused_tokens: int = 0
    """Tokens of prompts whose keys and values were found."""


class Engine:
    """Runs calls on a thread of its own, from `start` to `close`.

    Args:
        name: the model's name, for messages.
        runner: the model.
        adapters: its adapters.
        scheduler: decides what advances.
        sampler: draws tokens.
        threads: torch's threads for one operation.
        max_waiting: most calls that wait for a slot.
    """

    def __init__(
        self,
        name: str,
        *,
        runner: Runner,
        adapters: Adapters,
        scheduler: Scheduler,
        sampler: Sampler,
        threads: int,
        max_waiting: int,
    ) -> None:
        self._name = name
        self._runner = runner
        self._adapters = adapters
        self._scheduler = scheduler
        self._sampler = sampler
        self._threads = threads
        self._max_waiting = max_waiting
        self.counters = Counters()
        self._waiting: deque[Call[Any]] = deque()
        self._arrived: deque[Call[Any]] = deque()
        self._open = True
        self._changed = threading.Condition()
        """Guards `_arrived` and `_open`."""
        self._thread = threading.Thread(target=self._run, name=f"model-{name}", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether calls are taken: it was started, it was not closed, and its thread has not ended."""
        return self._open and self._thread.is_alive()

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    async def submit(self, calls: Sequence[Call[ResultT]]) -> list[ResultT]:
        """Waits for the results of calls. Whoever is cancelled here frees their slots before the next pass.

        Raises:
            ModelOverloaded: too many calls wait.
            ModelUnavailable: the engine has stopped, or a pass failed.
            UnknownAdapter: the calls' adapter does not fit the model.
        """
        with self._changed:
            if not self._open:
                raise ModelUnavailable(f"the model {self._name} has stopped")
            if len(self._waiting) + len(self._arrived) + len(calls) > self._max_waiting:
                raise ModelOverloaded(f"{self._max_waiting} calls wait for the model {self._name}")
            self._arrived.extend(calls)
            self._changed.notify()
        try:
            return await asyncio.gather(*(call.future for call in calls))
        finally:
            for call in calls:
                call.cancelled = True

    async def close(self, seconds: float) -> None:
        """Stops the thread after the pass that is running, and fails all calls in flight.

        Args:
            seconds: how long to wait for that pass.
        """
        with self._changed:
            self._open = False
            self._changed.notify()
        await asyncio.to_thread(self._thread.join, seconds)
        if self._thread.is_alive():
            logger.warning(
                "model %s: a pass still runs after %.0f s; its calls are given up", self._name, seconds
            )
            self._fail_all()

    def _run(self) -> None:
        torch.set_num_threads(self._threads)
        try:
            while self._await_work():
                self._pass()
        except BaseException:
            logger.exception("model %s: the engine has died", self._name)
        finally:
            with self._changed:
                self._open = False
            self._fail_all()

    def _await_work(self) -> bool:
        """Takes in what has arrived; waits for it if there is nothing else to do. False once it is closed."""
        with self._changed:
            while self._open and not (self._arrived or self._waiting or self._scheduler.active):
                self._changed.wait()
            self._waiting.extend(self._arrived)
            self._arrived.clear()
            return self._open

    def _fail_all(self) -> None:
        with self._changed:
            calls = [*self._scheduler.active, *self._waiting, *self._arrived]
        deliver((call, ModelUnavailable(f"the model {self._name} has stopped")) for call in calls)

    def _pass(self) -> None:
        """Advances all calls once. An error in it fails the calls that it concerns."""
        self._drop_cancelled()
        self._admit()
        for advances in self._scheduler.plan():
            try:
                self._adapters.activate(advances[0].call.digest)
                with torch.inference_mode():
                    outcomes = self._advance(advances)
                self._scheduler.release(call for call, _ in outcomes)
            except Exception as error:
                failure = self._as_failure(error, "a pass failed")
                outcomes = [(each.call, failure) for each in advances]
                self._scheduler.discard(call for call, _ in outcomes)
            deliver(outcomes)

    def _drop_cancelled(self) -> None:
        self._scheduler.release([call for call in self._scheduler.active if call.cancelled])
        if any(call.cancelled for call in self._waiting):
            kept = [call for call in self._waiting if not call.cancelled]
            self._waiting.clear()
            self._waiting.extend(kept)

    def _admit(self) -> None:
        """Gives slots to waiting calls, first come, first served, as far as there are any."""
        for call in tuple(self._waiting):
            if self._scheduler.is_full:
                return
            try:
                admitted = self._has_weights(call) and self._scheduler.admit(call)
            except Exception as error:
                self._waiting.remove(call)
                deliver([(call, self._as_failure(error, "a call was not admitted"))])
                continue
            if admitted:
                self._waiting.remove(call)
                self.counters.reused_tokens += call.computed

    def _has_weights(self, call: Call[Any]) -> bool:
        """Sees to it that a call's adapter is loaded. False where it has to wait for room."""
        if call.weights is None:
            return True
        in_use = {active.digest for active in self._scheduler.active if active.digest is not None}
        return self._adapters.load(call.weights, in_use)

    def _as_failure(self, error: Exception, what: str) -> LanguageModelError:
        """What callers get to see of an error; the log gets the rest."""
        if isinstance(error, LanguageModelError):
            return error
        logger.error("model %s: %s", self._name, what, exc_info=error)
        return ModelUnavailable(f"the model {self._name} failed: {type(error).__name__}")

    def _advance(self, advances: Sequence[Advance]) -> list[Outcome]:
        """One pass over calls of one adapter. Returns those that have ended."""
        logits = self._runner.logits(advances)
        self.counters.passes += 1
        self.counters.computed_tokens += sum(each.count for each in advances)
        wanted = [(each.call, position) for each in advances for position in each.call.wanted(each.stop)]
        self._scheduler.advanced(advances)
        draws = [(row, call) for row, (call, _) in enumerate(wanted) if isinstance(call, DrawCall)]
        scores = [
            (row, call, call.tokens(position))
            for row, (call, position) in enumerate(wanted)
            if isinstance(call, ScoreCall)
        ]
        return [*self._draw(logits, draws), *self._score(logits, scores)]

    def _draw(self, logits: torch.Tensor, draws: list[tuple[int, DrawCall]]) -> list[Outcome]:
        if not draws:
            return []
        rows = [row for row, _ in draws]
        logits = logits if len(rows) == len(logits) else logits[rows]
        tokens, log_probs = self._sampler.draw(logits, [call.draw for _, call in draws])
        outcomes: list[Outcome] = []
        for (_, call), token, log_prob in zip(draws, tokens, log_probs, strict=True):
            if token < 0:
                outcomes.append((call, ModelUnavailable("the grammar left no token to draw")))
            elif (drawn := call.take(token, log_prob)) is not None:
                outcomes.append((call, drawn))
        return outcomes

    @staticmethod
    def _score(logits: torch.Tensor, scores: list[tuple[int, ScoreCall, list[int]]]) -> list[Outcome]:
        if not scores:
            return []
        log_probs = logits[[row for row, _, _ in scores]].float().log_softmax(-1)
        outcomes: list[Outcome] = []
        for (_, call, tokens), row in zip(scores, log_probs, strict=True):
            if (result := call.take(row[tokens].tolist())) is not None:
                outcomes.append((call, result))
        return outcomes

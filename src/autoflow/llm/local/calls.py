"""What the engine works on: a call is one sequence of ids, and what its caller wants to know of it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from autoflow.llm.base import FinishReason
from autoflow.llm.local.sampling import Draw

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Weights:
    """A LoRA adapter: the digest that names it, and the folder that holds it."""

    digest: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a drawing call ends with."""

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    reason: FinishReason


@dataclass(frozen=True, slots=True)
class Target:
    """A log-probability that is wanted: of `token` as the successor of the id at `position`."""

    position: int
    token: int


class Call(ABC, Generic[ResultT]):
    """One sequence under way. Made in an event loop, whose thread awaits `future`; the rest is the engine's.

    Args:
        prompt: its first ids, one or more.
        weights: the adapter to compute with; None means the model's own weights.
    """

    def __init__(self, prompt: Sequence[int], weights: Weights | None) -> None:
        self.ids = list(prompt)
        self.weights = weights
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[ResultT] = self.loop.create_future()
        self.cancelled = False
        self.slot = -1
        self.computed = 0
        """How many leading ids have keys and values."""

    @property
    def digest(self) -> str | None:
        """The digest of the adapter."""
        return self.weights.digest if self.weights is not None else None

    @property
    @abstractmethod
    def reusable(self) -> int:
        """How many leading ids need no logits, so that their keys and values may come from elsewhere."""

    @abstractmethod
    def wanted(self, stop: int) -> list[int]:
        """The positions from `computed` up to `stop` whose logits the call needs."""


class DrawCall(Call[Drawn]):
    """Draws a completion.

    Args:
        prompt: the prompt's ids.
        weights: as in `Call`.
        draw: how tokens are drawn.
        max_tokens: most tokens to draw, 1 or more.
        stop_ids: the tokens that end it.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        weights: Weights | None,
        *,
        draw: Draw,
        max_tokens: int,
        stop_ids: frozenset[int],
    ) -> None:
        super().__init__(prompt, weights)
        self.draw = draw
        self._prompt = len(self.ids)
        self._longest = self._prompt + max_tokens
        self._stop_ids = stop_ids
        self._log_probs: list[float] = []

    @property
    def reusable(self) -> int:
        """All but the last: its logits draw the first token."""
        return len(self.ids) - 1

    def wanted(self, stop: int) -> list[int]:
        """The last known position, once it is reached."""
        return [stop - 1] if stop == len(self.ids) else []

    def take(self, token: int, log_prob: float) -> Drawn | None:
        """Takes a drawn token.

        Returns:
            The result, if that was the last.
        """
        self.ids.append(token)
        self._log_probs.append(log_prob)
        if token in self._stop_ids:
            return self._drawn(FinishReason.STOP)
        return self._drawn(FinishReason.LENGTH) if len(self.ids) == self._longest else None

    def _drawn(self, reason: FinishReason) -> Drawn:
        return Drawn(tuple(self.ids[self._prompt :]), tuple(self._log_probs), reason)


class ScoreCall(Call[list[float]]):
    """Computes log-probabilities of given tokens.

    Args:
        ids: the ids to read.
        weights: as in `Call`.
        targets: what is wanted, in ascending order of positions; one or more.
    """

    def __init__(self, ids: Sequence[int], weights: Weights | None, targets: Sequence[Target]) -> None:
        super().__init__(ids, weights)
        self._targets = tuple(targets)
        self._log_probs: list[float] = []

    @property
    def reusable(self) -> int:
        """Those before the first target."""
        return self._targets[0].position

    def wanted(self, stop: int) -> list[int]:
        """The positions of targets, each once."""
        return sorted(
            {target.position for target in self._targets if self.computed <= target.position < stop}
        )

    def tokens(self, position: int) -> list[int]:
        """The tokens whose log-probabilities are wanted at a position."""
        return [target.token for target in self._targets if target.position == position]

    def take(self, log_probs: Sequence[float]) -> list[float] | None:
        """Takes log-probabilities, in the order of the targets.

        Returns:
            All of them, once the last is there.
        """
        self._log_probs.extend(log_probs)
        return self._log_probs if len(self._log_probs) == len(self._targets) else None


Outcome: TypeAlias = tuple[Call[Any], Any]
"""A call and its result, or the exception it fails with."""


def deliver(outcomes: Iterable[Outcome]) -> None:
    """Settles futures in the event loops that await them, waking each loop once. For use in any thread."""
    loops: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for call, result in outcomes:
        loops.setdefault(call.loop, []).append((call, result))
    for loop, settled in loops.items():
        # A loop that has closed has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, settled)


def _settle(outcomes: list[Outcome]) -> None:
    for call, result in outcomes:
        if call.future.done():
            continue
        if isinstance(result, Exception):
            call.future.set_exception(result)
        else:
            call.future.set_result(result)

"""What a model must do to be a metric, and what it is given. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from autoflow.suites import Content
from autoflow_scorer.metrics.base import Column, Options

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(slots=True, eq=False)
class Item:
    """A content on its way to an embedding."""

    key: Hashable
    """Equal for contents that have the same embedding."""
    payload: Any = None
    """What the model takes; None where the embedding was found."""
    cost: int = 0
    """Tokens."""
    embedding: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A pair on its way to a score."""

    judge: Judge
    output: Item
    reference: Item
    weights: tuple[Tensor, Tensor] | None = None
    """Of the tokens of both, where the metric weighs them."""
    padded: tuple[bool, bool] = (False, False)
    """Which of them the package `bert_score` would pad; see `engine.matching`."""


class Judge(Protocol):
    """A loaded model, and how it compares. Called in threads; `embed` and `compare` always in the same."""

    @property
    def bytes(self) -> int:
        """The memory of its weights."""

    @property
    def digest(self) -> str:
        """The SHA-256 of its weights' files, in hexadecimal."""

    def keys(self, contents: Sequence[Content]) -> list[Hashable]:
        """What each content's embedding is known by."""

    def read(self, content: Content, key: Hashable) -> Any:
        """What `embed` takes.

        Raises:
            UnreadableImage: the content is no picture that is read here.
        """

    def cost(self, payload: Any) -> int:
        """Tokens, 1 or more."""

    def embed(self, payloads: Sequence[Any]) -> list[Tensor]:
        """An embedding for each payload; a device may still be at it."""

    def warm_up(self) -> Iterator[None]:
        """Does what would keep the first requests waiting, such as compiling; each step takes seconds.

        Gives nothing where there is nothing to do.
        """

    def settle(self) -> None:
        """Waits until the device has done what it was given."""

    def in_memory(self, run: Callable[[Sequence[Job]], Tensor], jobs: Sequence[Job]) -> Tensor:
        """Runs jobs at once, or in halves where the device has no memory for all; [jobs, columns].

        Raises:
            ResourceExhausted: the device has no memory for a few of them.
        """

    def jobs(self, pairs: Sequence[tuple[Item, Item]], options: Options) -> list[Job]:
        """The pairs with what comparing them needs.

        Raises:
            FailedPrecondition: the model lacks what the options ask for.
        """

    def compare(self, jobs: Sequence[Job]) -> Tensor:
        """The scores of pairs whose embeddings are there: [jobs, columns], float32, on CPU."""

    def finish(self, rows: Sequence[Tensor], options: Options) -> Column:
        """A request's scores, as the metric tells them; each row is one of `compare`'s."""

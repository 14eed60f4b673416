"""What an expert is: a tool's name and types, and a function that applies it to a batch.

The function yields one result for each sample, in their order, and yields it as soon as it is there, so that
a call can be given up between two results. An expert that works on whole batches yields them together.

What the function needs is held while a call lasts: nothing for an expert without weights, a model in memory
for one with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from autoflow.suites import Content, Tool

Inputs: TypeAlias = Sequence[Content]
"""One sample's inputs, of the tool's types and in their order."""


class Unusable(ValueError):
    """A sample cannot be done, which is its own doing; the message is fit for the caller."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a sample has no output."""

    message: str


Result: TypeAlias = Content | Failure


Apply: TypeAlias = Callable[[Sequence[Inputs]], Iterator[Result]]
"""Applies a tool to samples. Runs in a thread of the service's; several may run at once."""


class Expert(Protocol):
    """A tool and what it does."""

    @property
    def tool(self) -> Tool:
        """Its name and types."""

    def hold(self) -> AbstractAsyncContextManager[Apply]:
        """What applies the tool, for the length of the block. Must not block the event loop.

        Raises:
            Unavailable: what it needs cannot be had; another time it may be.
            FailedPrecondition: what it needs is too large for the service.
            ResourceExhausted: others leave no room for what it needs.
        """


@dataclass(frozen=True, slots=True)
class Weightless:
    """An expert that is always at hand."""

    tool: Tool
    apply: Apply

    def hold(self) -> AbstractAsyncContextManager[Apply]:
        """See `Expert`."""
        return nullcontext(self.apply)


def one_by_one(tool: Tool, function: Callable[[Inputs], Content]) -> Weightless:
    """An expert that works on one sample after the other.

    Args:
        tool: its name and types.
        function: does one sample; raises `Unusable` for a sample that cannot be done.
    """

    def result(inputs: Inputs) -> Result:
        try:
            return function(inputs)
        except Unusable as reason:
            return Failure(str(reason))

    return Weightless(tool, lambda samples: map(result, samples))

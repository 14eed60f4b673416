"""What an expert is: a tool's name and types, and a function that applies it to a batch.

The function yields one result for each sample, in their order, and yields it as soon as it is there, so that
a call can be given up between two results. An expert that works on whole batches yields them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

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


@dataclass(frozen=True, slots=True)
class Expert:
    """A tool and what it does."""

    tool: Tool
    apply: Callable[[Sequence[Inputs]], Iterator[Result]]
    """Runs in a thread of the service's; several may run at once."""


def one_by_one(tool: Tool, function: Callable[[Inputs], Content]) -> Expert:
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

    return Expert(tool, lambda samples: map(result, samples))

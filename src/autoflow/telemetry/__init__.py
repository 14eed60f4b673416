"""Traces and metrics, off by default, switched on by the standard variables of OpenTelemetry.

This module is what the rest of the code sees: thin hooks that cost next to nothing while nothing listens, and
that import no library. `autoflow.telemetry.setup` switches a process on.

Nothing of what models read or write is ever handed to a hook: names, counts and codes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from autoflow.llm.base import Usage

Attributes: TypeAlias = Mapping[str, str | int | float | bool]
Metadata: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Outcome:
    """How a remote call ended; whoever makes the call fills it in."""

    code: str = "UNKNOWN"
    """The name of the status code."""
    admitted: bool = True
    """False where a server refused the call before its handler."""


@dataclass(slots=True)
class ModelCall:
    """What a call of a language model cost; whoever makes the call fills it in."""

    usage: Usage | None = None


class Kind(StrEnum):
    """What becomes of the values of an instrument."""

    COUNTER = "counter"
    """They are added up."""
    HISTOGRAM = "histogram"
    """They are counted by size."""
    GAUGE = "gauge"
    """The last one counts."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A figure of a service's own."""

    name: str
    """Such as `autoflow.scorer.batch.fill`."""
    kind: Kind
    description: str
    unit: str = ""
    bounds: tuple[float, ...] = ()
    """Of a histogram's buckets."""


class Telemetry(Protocol):
    """Who listens."""

    def span(self, name: str, attributes: Attributes) -> AbstractContextManager[None]:
        """A span around a block; its error's class, and never its message, is noted."""

    def served(
        self, method: str, metadata: Sequence[tuple[str, str | bytes]], outcome: Outcome
    ) -> AbstractContextManager[None]:
        """Around the serving of a call, whose caller's trace goes on where the metadata name one."""

    def called(self, method: str, outcome: Outcome) -> AbstractContextManager[Metadata]:
        """Around a call of another service; gives the metadata that tell it of the span."""

    def model(self, name: str, call: ModelCall) -> AbstractContextManager[None]:
        """Around a call of a language model."""

    def record(self, instrument: Instrument, value: float, attributes: Mapping[str, str]) -> None:
        """Notes a value, from any thread. Attributes are always given in the same order."""

    def watch(self, instrument: Instrument, read: Callable[[], float], attributes: Mapping[str, str]) -> None:
        """Reads a gauge whenever metrics are read, from any thread."""


_current: ContextVar[Telemetry | None] = ContextVar("autoflow_telemetry", default=None)


def current() -> Telemetry | None:
    """Who listens here; None where telemetry is off."""
    return _current.get()


@contextmanager
def listening(telemetry: Telemetry | None) -> Iterator[None]:
    """Lets someone listen to what happens in the block, and in the tasks that are started in it."""
    token = _current.set(telemetry)
    try:
        yield
    finally:
        _current.reset(token)


def span(name: str, attributes: Attributes) -> AbstractContextManager[None]:
    """A span around a block, where anyone listens."""
    telemetry = _current.get()
    return nullcontext() if telemetry is None else telemetry.span(name, attributes)


def model_call(name: str, call: ModelCall) -> AbstractContextManager[None]:
    """Around a call of a language model.

    Args:
        name: the model's name in the catalogue.
        call: its usage is filled in within the block.
    """
    telemetry = _current.get()
    return nullcontext() if telemetry is None else telemetry.model(name, call)


def called(method: str, outcome: Outcome) -> AbstractContextManager[Metadata]:
    """Around a call of another service.

    Args:
        method: `/package.Service/Method`.
        outcome: filled in within the block.

    Returns:
        Gives what the call is to carry so that its spans join the trace (W3C Trace Context); nothing while
        nobody listens.
    """
    telemetry = _current.get()
    return nullcontext(()) if telemetry is None else telemetry.called(method, outcome)

"""Executes without a server and without a database."""

from __future__ import annotations

from autoflow_interpreter.events import (
    Event,
    Finished,
    MemoryRecalled,
    ModelCalled,
    PersonAsked,
    Recorded,
    Started,
)
from autoflow_interpreter.execution import ExecutionRequest
from autoflow_interpreter.interpreter import Interpreter
from autoflow_interpreter.past import Past, past_of


class Noted:
    """A `Recorder` that keeps a list.

    Attributes:
        recorded: what was recorded, what was known before included.
    """

    def __init__(self, known: list[Recorded] | None = None, time_ns: int = 7) -> None:
        self.recorded = list(known or [])
        self._time_ns = time_ns

    def record(self, event: Event) -> None:
        """Notes it."""
        self.recorded.append(Recorded(len(self.recorded), self._time_ns, event))

    async def settle(self) -> None:
        """Returns."""

    @property
    def core(self) -> list[Event]:
        """What happened to steps, without what led to it."""
        return [
            each.event
            for each in self.recorded
            if not isinstance(each.event, Started | ModelCalled | MemoryRecalled)
        ]


async def executed(
    interpreter: Interpreter, request: ExecutionRequest, known: list[Recorded] | None = None
) -> tuple[Noted, Finished | PersonAsked]:
    """Executes, from what is known on; the last event is recorded as well."""
    noted = Noted(known)
    past = past_of(noted.recorded) if known else Past()
    ended = await interpreter.run(await interpreter.prepare(request, past), "an-id", past, noted)
    noted.record(ended)
    return noted, ended

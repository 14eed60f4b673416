"""What is kept of an execution.

What was asked for, what happened and how it ended are opaque bytes here: the store passes them on and never
judges them, so a new event changes nothing in it. What it decides by, or lists, has types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto


class ExecutionState(StrEnum):
    """Where an execution stands."""

    RUNNING = auto()
    """Under way. It stays so while a lost server is replaced."""
    WAITING = auto()
    """It waits for a person; nobody holds it."""
    FINISHED = auto()
    """It has ended by its own doing."""
    CANCELLED = auto()
    FAILED = auto()

    @property
    def final(self) -> bool:
        """Whether nothing changes any more."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({ExecutionState.FINISHED, ExecutionState.CANCELLED, ExecutionState.FAILED})


@dataclass(frozen=True, slots=True)
class Question:
    """What an execution waits with."""

    sequence: int
    """Of the event that asked."""
    payload: bytes
    deadline: datetime
    """When it waits no longer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an execution failed."""

    code: int
    """A number of `google.rpc.Code`."""
    message: str
    """For a person."""
    status: bytes = b""
    """The whole status; may be empty."""


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution."""

    id: str
    """The last part of `executions/<id>`."""
    request_id: str | None
    """The caller's own id of the request; None where it has none."""
    state: ExecutionState
    request: bytes
    """What was asked for; empty in lists."""
    query_beginning: str
    """At most 200 characters."""
    model: str
    adapter: str
    create_time: datetime
    update_time: datetime
    """When its last event was stored."""
    end_time: datetime | None = None
    """When it became final."""
    events: int = 0
    """How many are stored; the `sequence` of the next one."""
    resumptions: int = 0
    """How often it was taken over from a lost server."""
    question: Question | None = None
    """Set in WAITING alone."""
    finished: bytes = b""
    """How it ended; empty before, and where it did not end by its own doing."""
    failure: Failure | None = None
    """Set in FAILED alone."""
    cancel_requested: bool = False
    """Whether somebody wants it cancelled."""
    token: int = 0
    """The fencing token: grows with every holder; only the newest is heard."""
    place: int = 0
    """In the order of creation, from 1; what lists are paged by."""
    settled: bytes = b""
    """What of the request was found out when it began, and holds from then on; empty in lists."""

    @property
    def executed(self) -> bytes:
        """The request as it is carried out: bytes of messages one after the other are one message."""
        return self.request + self.settled


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened."""

    time_ns: int
    """When, in nanoseconds since 1970."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """Something that happened, as it is kept."""

    sequence: int
    """From 0, without gaps."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of an execution that does not go on running. Its holder gives it back with that."""

    state: ExecutionState
    """WAITING or a final one."""
    question: Question | None = None
    """Given for WAITING alone."""
    finished: bytes = b""
    failure: Failure | None = None
    """Given for FAILED alone."""


@dataclass(frozen=True, slots=True)
class Append:
    """What the holder of an execution wants stored, all of it or nothing."""

    execution_id: str
    token: int
    """With which the holder holds it."""
    first_sequence: int
    """Of the first event; how many are stored before it."""
    events: Sequence[NewEvent]
    change: Change | None = None


class Appended(StrEnum):
    """What came of an append."""

    STORED = auto()
    CANCEL_REQUESTED = auto()
    """Its events are stored, the execution still runs and is the caller's, and somebody wants it cancelled. A
    change to WAITING was not made: whoever waits could not be told any more."""
    LOST = auto()
    """The execution is another's by now, or does not run: nothing is stored."""

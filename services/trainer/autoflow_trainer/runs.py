"""What the control plane knows of a run.

What was asked for, what was spent and what came out are opaque bytes here: the control plane passes them on
and never judges them, so a new field of theirs changes nothing in this package. What it decides by has types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    """Created; no worker has taken it yet."""
    RUNNING = "running"
    """A worker has taken it. It stays so while a lost worker is replaced."""
    CANCELLING = "cancelling"
    """A cancellation was asked for and the worker has not stopped yet."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing changes any more."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    phase: str
    """Such as `learning`."""
    done: int
    total: int
    """0 where unknown."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed."""

    code: int
    """A number of `google.rpc.Code`."""
    message: str
    """For a person."""
    status: bytes = b""
    """The whole status as the worker gave it; empty where the control plane itself ended the run."""


@dataclass(frozen=True, slots=True)
class Run:
    """What callers see of a run."""

    id: str
    """The last part of `runs/<id>`."""
    spec: bytes
    """What was asked for. Equal requests have equal bytes."""
    state: RunState
    create_time: datetime
    suite_artifact: str = ""
    """Artifact of the folder of its suite; empty where that is built in."""
    power: bytes = b""
    """How small a difference it can tell from chance; empty where it compares nothing."""
    start_time: datetime | None = None
    """When a worker first took it."""
    end_time: datetime | None = None
    """When it became final."""
    committed: int = 0
    """Iterations that are stored; their indices are 0 to `committed - 1`."""
    progress: Progress | None = None
    ledger: bytes = b""
    """What it has spent, as of the last commit; final once the run is."""
    failure: Failure | None = None
    """Set in FAILED alone."""
    result: bytes = b""
    """Set in SUCCEEDED alone."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may work on a run, and until when without a sign of life."""

    token_digest: bytes = b""
    """SHA-256 of the token that the worker of the last launch was given; empty before the first."""
    fencing_token: int = 0
    """Grows with every lease; only the holder of the newest is heard."""
    expires: datetime | None = None
    """None while no worker is launched."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run with what only the control plane knows of it."""

    run: Run
    lease: Lease = field(default_factory=Lease)
    checkpoint: str = ""
    """Artifact of the worker's own state after the last commit; empty before the first."""
    last_commit: bytes = b""
    """Digest of the last commit, by which its repetition is known."""
    losses: int = 0
    """Workers lost since the last commit."""
    launch_after: datetime | None = None
    """Before this time no worker is launched; None means at once."""
    version: int = 0
    """Grows by one with every stored change."""
    sequence: int = 0
    """Its place in the order of creation, from 1; 0 before it is stored."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker's call carries to prove that the run is its own."""

    token: str
    """The secret of its launch."""
    fencing_token: int
    """From its lease."""


@dataclass(frozen=True, slots=True)
class Iteration:
    """One iteration to commit."""

    index: int
    payload: bytes
    """The iteration as watchers get it."""
    ledger: bytes
    """What the run had spent after it."""
    checkpoint: str
    """Artifact of the worker's own state after it."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The outcome of a run that came to its end."""

    result: bytes
    kind: str = ""
    """Of which kind of run it is the result."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The outcome of a run that could not go on."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The outcome of a run that stopped because it was asked to."""


Outcome = Succeeded | Failed | Cancelled

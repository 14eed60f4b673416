"""What an execution writes down, and what it finds written down already.

A call begins only when everything before it is stored, so whatever a call has led to is known after the loss
of the server, and no step or call that has ended is repeated. A call of the model is known again by what it
asks; the one call of a tool that a step makes, by the step.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from autoflow.llm import Message, Usage
from autoflow_interpreter.events import (
    Event,
    ModelCalled,
    Purpose,
    ReplyRefused,
    ToolCalled,
    ToolReturned,
)
from autoflow_interpreter.past import Past, Unfinished

_DIGEST_BYTES = 16


class Recorder(Protocol):
    """Stores the events of one execution."""

    def record(self, event: Event) -> None:
        """Takes an event; it is stored soon."""

    async def settle(self) -> None:
        """Returns when everything that was taken is stored.

        Raises:
            Unavailable: it cannot be stored.
        """


class Journal:
    """What is written down of one execution.

    Args:
        recorder: stores.
        past: what was written down before; taken over and used up.
    """

    def __init__(self, recorder: Recorder, past: Past) -> None:
        self._recorder = recorder
        self._past = past
        self._unfinished = past.unfinished
        self._asked: Counter[bytes] = Counter()
        self._executed = len(past.finished)
        self.usage = past.usage
        """What the calls cost so far."""
        self.begun = past.model_calls
        """Calls of the model that were begun."""
        self.counts = past.counts
        self.step = ""
        """The step that is carried out."""
        self._answered = False
        self._lost = past.losses > 0
        self._in_doubt: set[bytes] = set()
        """Calls of the model that may have been under way when the server was lost: the first that are begun
        since."""

    @property
    def unfinished(self) -> Unfinished:
        """What is known of the step that is carried out, from before."""
        return self._unfinished

    def record(self, event: Event) -> None:
        """Writes an event down."""
        self._recorder.record(event)

    def begin(self, step: str) -> None:
        """A step begins; what is known of another one is of no use any more."""
        if self._unfinished.step != step:
            self._unfinished = Unfinished()
        self.step = step
        self._answered = False
        self._asked.clear()

    def answered(self) -> None:
        """The instruction of the step was answered."""
        self._answered = True

    def end(self) -> None:
        """The step is finished."""
        self._unfinished = Unfinished()
        self._answered = False
        self._executed += 1

    async def settled(self) -> None:
        """Returns when everything is stored that was written down."""
        await self._recorder.settle()

    def digest(self, purpose: Purpose, messages: Sequence[Message], options: Sequence[str] = ()) -> bytes:
        """Identifies a call of the model within the execution; equal questions are told apart by order."""
        said = hashlib.blake2b(f"{self._executed}/{purpose}".encode(), digest_size=_DIGEST_BYTES)
        said_by = (part for each in messages for part in (each.role.value, each.content))
        for text in (*said_by, *options):
            data = text.encode(errors="replace")
            said.update(len(data).to_bytes(8))
            said.update(data)
        asked = said.digest()
        count = self._asked[asked]
        self._asked[asked] += 1
        if count:
            said.update(b"again" + count.to_bytes(8))
        return said.digest()

    def made(self, digest: bytes) -> ModelCalled | None:
        """The call of the model that was made before with this digest."""
        made = self._unfinished.calls.get(digest)
        return made.pop(0) if made else None

    def called(self, purpose: Purpose, digest: bytes, reply: str, choice: int | None, usage: Usage) -> None:
        """A call of the model has ended."""
        self.usage += usage
        repeated = digest in self._in_doubt
        count = self.counts.repeated_model_calls + repeated
        self.counts = replace(self.counts, repeated_model_calls=count)
        self._lost = False
        self.record(ModelCalled(self.step, purpose, reply, choice, usage, digest, repeated))

    def calling(self, digest: bytes) -> None:
        """A call of the model begins."""
        self.begun += 1
        if self._lost:
            self._in_doubt.add(digest)

    def refused_before(self) -> str:
        """Why the reply that comes next could not be used before the server was lost; empty where it could.

        The words are those that the model was told then, so what it is asked next is known again.
        """
        return self._unfinished.refused.pop(0).problem if self._unfinished.refused else ""

    def refused(self, purpose: Purpose, problem: str) -> None:
        """A reply cannot be used."""
        self.counts = replace(self.counts, refused_replies=self.counts.refused_replies + 1)
        self.record(ReplyRefused(self.step, purpose, problem))

    def tool_called(self, event: ToolCalled) -> None:
        """A tool is about to be called."""
        again = event.attempt > 1
        self._lost = False
        self.counts = replace(
            self.counts,
            tool_calls=self.counts.tool_calls + (event.attempt == 1),
            repeated_tool_calls=self.counts.repeated_tool_calls + again,
        )
        self.record(event)

    def tool_returned(self, event: ToolReturned) -> None:
        """A tool's call has ended."""
        failed = self.counts.failed_tool_calls + event.failed
        self.counts = replace(self.counts, failed_tool_calls=failed)
        self.record(event)

    @property
    def executed(self) -> int:
        """Steps that are finished: the number of the one that is carried out."""
        return self._executed

    @property
    def steps(self) -> int:
        """Steps whose instruction was answered."""
        return self._executed + self._answered


class Unkept:
    """A `Recorder` of an execution that nobody goes on with: it keeps nothing."""

    def record(self, event: Event) -> None:
        """Forgets the event."""

    async def settle(self) -> None:
        """Returns."""

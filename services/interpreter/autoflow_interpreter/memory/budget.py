"""How much of the earlier answers a prompt holds, and what gives way.

Nobody but a model's own tokenizer knows how many tokens a text has, and most endpoints have none to ask. A
token is taken for three bytes of UTF-8: English has more, digits and code about as many. So a budget is kept
to the byte, and means about as many tokens as it says; scripts whose characters are a token each take more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoflow import prompts
from autoflow.llm import Message
from autoflow_interpreter.memory.contents import Kind
from autoflow_interpreter.memory.entries import Entry

BYTES_PER_TOKEN = 3
_LEAST_SHOWN = 40
"""Bytes below which the beginning of an answer says nothing."""


def tokens(text: str) -> int:
    """About how many tokens a text has, rounded up."""
    return -(-size_of(text) // BYTES_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Room:
    """What there is for the earlier answers in a prompt."""

    memory_tokens: int = 0
    """The most that they take; 0: what else is left."""
    context_tokens: int = 0
    """Of the model, for prompt and answer; 0: not known."""
    answer_tokens: int = 0
    """What the answer may take of the context."""

    def beside(self, bare: Sequence[Message]) -> int | None:
        """Tokens of the earlier answers, 0 or more; None where there is no limit.

        Args:
            bare: the prompt without them.
        """
        limits = [self.memory_tokens] if self.memory_tokens else []
        if self.context_tokens:
            taken = sum(tokens(message.content) for message in bare) + self.answer_tokens
            limits.append(max(0, self.context_tokens - taken))
        return min(limits, default=None)


@dataclass(frozen=True, slots=True)
class Relevant:
    """An entry that a prompt is to hold."""

    entry: Entry
    place: int
    """Its place among all entries, from 0, the oldest first."""
    relevance: float = 0.0
    """The less relevant gives way first; among equals, the older."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The part of a prompt that holds earlier answers."""

    text: str
    """Empty where there are none, or no room for a word about them."""
    shown: tuple[str, ...] = ()
    """Keys, in the order of the text."""
    cut: tuple[str, ...] = ()
    """Keys of what is left out or shortened for lack of room, the oldest first."""


def fit(relevant: Sequence[Relevant], *, unasked: int = 0, unread: int = 0, room: int | None) -> Fitted:
    """The part of a prompt that holds entries.

    What is least relevant, and among equals the oldest, gives way first; the last that is left is shortened.
    The text says how many are missing.

    Args:
        relevant: what it is to hold, the oldest first.
        unasked: how many further ones gave way before.
        unread: how many further ones nobody knows the relevance of.
        room: the most tokens of the text, as `tokens` counts them; None: no limit.
    """
    ranked = sorted(relevant, key=lambda each: (each.relevance, each.place), reverse=True)
    blocks = [_block(each.entry, each.entry.content.text) for each in ranked]
    limit = None if room is None else room * BYTES_PER_TOKEN

    def around(count: int) -> int:
        """What a text with so many entries takes beside them."""
        return size_of(_text([""] * count, unasked + len(relevant) - count, unread))

    size = sum(map(size_of, blocks))
    while limit is not None and blocks and size + around(len(blocks)) > limit:
        size -= size_of(blocks.pop())
    cut = {each.entry.key for each in ranked[len(blocks) :]}
    if limit is not None and ranked and not blocks:
        blocks = _beginning(ranked[0].entry, limit - around(1))
    shown = sorted(zip(ranked, blocks, strict=False), key=lambda pair: pair[0].place)
    text = _text([block for _, block in shown], unasked + len(relevant) - len(shown), unread)
    if limit is not None and size_of(text) > limit:
        text = ""
    return Fitted(
        text,
        shown=tuple(each.entry.key for each, _ in shown),
        cut=tuple(each.entry.key for each in relevant if each.entry.key in cut),
    )


def beginning(text: str, size: int, kind: Kind = Kind.TEXT) -> str:
    """The beginning of a text, marked as such; empty where the bytes are too few to say anything.

    Args:
        text: larger than that.
        size: bytes, the mark's included.
        kind: of a table whole rows are kept.
    """
    # The count of what is shown has as many digits as that of the whole, at most.
    left = size - size_of(prompts.shortened("", len(text))) - len(f"{len(text):,}")
    if left < _LEAST_SHOWN:
        return ""
    head = text.encode(errors="replace")[:left].decode(errors="ignore")
    if kind is Kind.TABLE and "\n" in head:
        head = head.rpartition("\n")[0]
    return prompts.shortened(head, len(text))


def size_of(text: str) -> int:
    """Bytes."""
    return len(text.encode(errors="replace"))


def _text(blocks: Sequence[str], cut: int, unread: int) -> str:
    return prompts.memory_part(blocks, prompts.missing(cut, unread))


def _block(entry: Entry, content: str) -> str:
    return prompts.memory_entry(entry.key, entry.description, content)


def _beginning(entry: Entry, size: int) -> list[str]:
    content = entry.content
    head = beginning(content.text, size - size_of(_block(entry, "")), content.kind)
    return [_block(entry, head)] if head else []

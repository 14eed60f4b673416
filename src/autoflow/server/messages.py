"""Reads requests and writes answers, neither of them larger than the limit.

It is done inside of a call rather than by gRPC around it, so that the error table tells the caller what is
wrong, and the log tells us. By then gRPC holds the whole request: its own limit, `READ_FACTOR` times ours, is
what keeps memory from harm. A request past that one is refused by gRPC itself, without any detail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import DecodeError, Message

from autoflow.errors import InvalidArgument
from autoflow.server.errors import MessageTooLarge

READ_FACTOR = 2
"""gRPC reads requests of so many times the limit, to leave us something to refuse."""


@dataclass(frozen=True, slots=True)
class Codec:
    """The messages of one method."""

    parse: Callable[[bytes], Message]
    serialize: Callable[[Message], bytes]
    limit: int
    """Bytes of a request and of an answer."""

    def read(self, data: bytes) -> Message:
        """Reads a request.

        Raises:
            MessageTooLarge: it is larger than the limit.
            InvalidArgument: it is no message of its type.
        """
        if len(data) > self.limit:
            raise MessageTooLarge("the request", len(data), self.limit)
        try:
            return self.parse(data)
        except DecodeError:
            raise InvalidArgument("", "the request cannot be read as a message of its type") from None

    def write(self, answer: Message) -> bytes:
        """Writes an answer.

        Raises:
            MessageTooLarge: it is larger than the limit.
        """
        data = self.serialize(answer)
        if len(data) > self.limit:
            raise MessageTooLarge("the answer", len(data), self.limit)
        return data

"""Results that were computed before, by tool and inputs, in bounded memory.

Plans that are tried on one task begin alike: whatever comes after, noise is taken from the same picture.
An expert gives equal inputs equal results, so a result may stand for any repetition. The least recently used
go first. Left out: sharing between processes, and waiting for an equal call that is still at work.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from autoflow.suites import Content
from autoflow_experts.experts import Inputs, Result

_ENTRY_BYTES = 200
"""About what an entry takes besides its result."""


class ResultCache:
    """Results by key. Any thread may use it.

    Args:
        max_bytes: of all results and what holds them; 0 keeps nothing.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, Result] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes of what is held."""
        return self._bytes

    def get(self, key: bytes) -> Result | None:
        """The result of that key, if it is still held."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: bytes, result: Result) -> None:
        """Holds a result, unless it alone is larger than the cache."""
        size = _size(result)
        if size > self._max_bytes:
            return
        with self._lock:
            before = self._entries.pop(key, None)
            self._bytes += size - (0 if before is None else _size(before))
            self._entries[key] = result
            while self._bytes > self._max_bytes:
                _, dropped = self._entries.popitem(last=False)
                self._bytes -= _size(dropped)


def result_key(tool: str, inputs: Inputs) -> bytes:
    """What a tool's result for some inputs is kept under; equal for equal inputs alone."""
    digest = hashlib.sha256()
    for content in (tool, *inputs):
        kind, data = _encoded(content)
        digest.update(kind + len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.digest()


def _encoded(content: Content) -> tuple[bytes, bytes]:
    if isinstance(content, bytes):
        return b"i", content
    return b"t", content.encode("utf-8", "surrogatepass")


def _size(result: Result) -> int:
    return _ENTRY_BYTES + len(result if isinstance(result, str | bytes) else result.message)

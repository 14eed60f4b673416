"""Embeddings that were computed before, by what they are embeddings of, in bounded memory.

The least recently used go first. Tensors are cloned on their way in: what an encoder gives is often a view of
a whole batch, which would stay in memory with it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_ENTRY_BYTES = 300
"""About what an entry takes besides its numbers."""


class EmbeddingCache:
    """Embeddings by key. Any thread may use it.

    Args:
        max_bytes: of the numbers and what holds them; 0 keeps nothing.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """What is held."""
        return self._bytes

    def __contains__(self, key: Hashable) -> bool:
        """Whether there is an embedding; does not count as use."""
        return key in self._entries

    def get(self, key: Hashable) -> Tensor | None:
        """The embedding of that key, if it is still held."""
        with self._lock:
            embedding = self._entries.get(key)
            if embedding is not None:
                self._entries.move_to_end(key)
            return embedding

    def put(self, key: Hashable, embedding: Tensor) -> None:
        """Holds an embedding, unless it alone is larger than the cache."""
        size = _size(embedding)
        if size > self._max_bytes:
            return
        held = embedding.clone()
        with self._lock:
            before = self._entries.pop(key, None)
            if before is not None:
                self._bytes -= _size(before)
            self._entries[key] = held
            self._bytes += size
            while self._bytes > self._max_bytes:
                _, dropped = self._entries.popitem(last=False)
                self._bytes -= _size(dropped)

    def forget(self, model: object) -> None:
        """Drops what one model computed: the keys that are tuples and begin with it."""
        with self._lock:
            for key in [key for key in self._entries if isinstance(key, tuple) and key[0] == model]:
                self._bytes -= _size(self._entries.pop(key))


def _size(embedding: Tensor) -> int:
    return embedding.numel() * embedding.element_size() + _ENTRY_BYTES

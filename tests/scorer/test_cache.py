"""Which embeddings are kept, and which go."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from autoflow_scorer.engine.cache import EmbeddingCache


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 400)), max_size=60), st.integers(0, 8_000))
def test_the_cache_keeps_the_latest_within_its_bytes(puts: list[tuple[int, int]], limit: int) -> None:
    cache = EmbeddingCache(limit)
    for key, size in puts:
        cache.put(key, torch.full((size,), float(size)))
        assert cache.bytes <= limit

    latest = dict(puts)
    kept = [key for key in latest if key in cache]
    for key in kept:
        held = cache.get(key)
        assert held is not None
        assert held.tolist() == [float(len(held))] * len(held)
    assert cache.bytes == sum(4 * len(held) + 300 for key in kept if (held := cache.get(key)) is not None)


def test_the_least_recently_used_goes_first() -> None:
    cache = EmbeddingCache(3 * (4 * 10 + 300))
    for key in "abc":
        cache.put(key, torch.zeros(10))
    cache.get("a")
    cache.put("d", torch.zeros(10))

    assert [key in cache for key in "abcd"] == [True, False, True, True]


def test_a_part_of_a_large_tensor_does_not_keep_the_rest() -> None:
    cache = EmbeddingCache(10_000)
    cache.put("a", torch.zeros(1_000_000)[:10])
    held = cache.get("a")

    assert held is not None
    assert held.untyped_storage().nbytes() == 40

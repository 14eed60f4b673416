"""BERTScore against the package `bert_score`: `make weights`, then `python -m benchmarks.scorer_text`.

Both on the same weights, resident, with the same number of threads. In bulk, one call scores all pairs; in
the stream, callers bring one pair each, which the package scores one a call and the engine in batches of 32
with a cache of embeddings that is empty at the start of each round. Memory is what the process grows by at
most while it scores 1,000 pairs, of each side in a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from autoflow_scorer.engine.cache import EmbeddingCache
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.matching import bertscore, token_weights
from autoflow_scorer.engine.packing import Tokens
from autoflow_scorer.engine.text import TextEncoder
from benchmarks.alternating import compare
from benchmarks.report import Measurement
from scripts.test_parity import LAYERS, Pairs, engine_scores, package_scorer, package_scores, random_pairs
from scripts.weights import FOLDER

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_MERGED = 32
_CACHE_BYTES = 64 << 20


def stream(encoder: TextEncoder, pairs: Pairs) -> Tensor:
    """Scores pairs of single callers, merged into batches."""
    cache = EmbeddingCache(_CACHE_BYTES)
    batches = [pairs[start : start + _MERGED] for start in range(0, len(pairs), _MERGED)]
    return torch.cat([_batch(encoder, cache, batch) for batch in batches])


def _batch(encoder: TextEncoder, cache: EmbeddingCache, pairs: Pairs) -> Tensor:
    tokens = encoder.tokenize([text for pair in pairs for text in pair])
    found: dict[Tokens, Tensor | None] = {text: cache.get(text) for text in tokens}
    new = [text for text, embedding in found.items() if embedding is None]
    for text, embedding in zip(new, encoder.encode(new), strict=True):
        found[text] = embedding
        cache.put(text, embedding)
    embeddings = [each for text in tokens if (each := found[text]) is not None]
    weights = [token_weights(text, encoder.special) for text in tokens]
    return bertscore(_paired(embeddings), _paired(weights))


def _paired(tensors: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(tensors[::2], tensors[1::2], strict=True))


def peak_growth(work: Callable[[], object]) -> float:
    """MiB by which the process grows at most while it works (Linux)."""
    gc.collect()
    # Sets the high-water mark back to what is resident now.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    work()
    return (_status("VmHWM") - before) / 1024


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _memory_of(side: str, folder: Path) -> float:
    torch.set_num_threads(1)
    few, many = random_pairs(8, 4, seed=1), random_pairs(1000, 100, seed=2)
    if side == "package":
        score: Callable[[Pairs], Tensor] = partial(package_scores, package_scorer(folder, []))
    else:
        score = partial(
            engine_scores, TextEncoder.load(folder, Linears.probe(dtype=DTYPES[side]), layers=LAYERS)
        )
    score(few)
    return peak_growth(lambda: score(many))


def memory(folder: Path) -> None:
    """Measures and tells the memory of each side."""
    grown = {}
    for side in ("package", *DTYPES):
        # A process of its own, so that no side uses what another has left.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            grown[side] = pool.apply(_memory_of, (side, folder))
    Measurement(
        "scorer.bertscore_memory",
        "MiB over resident",
        baseline=grown["package"],
        ours=grown["fp32"],
        ratio=grown["package"] / grown["fp32"],
        better="lower",
        conditions=f"1,000 pairs over 100 references, baseline bert_score; in bf16 {grown['bf16']:.0f} MiB",
    ).tell()


def main() -> None:
    """Runs what the command asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=FOLDER, help="a text encoder's folder")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads, for both sides")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not options.model.exists():
        parser.error(f"there is no {options.model}; make weights fetches it")
    torch.set_num_threads(options.threads)
    bulk, singles = random_pairs(400, 40, seed=3), random_pairs(200, 20, seed=4)
    package = package_scorer(options.model, [])
    exact = package_scores(package, bulk)
    for name, dtype in DTYPES.items():
        encoder = TextEncoder.load(options.model, Linears.probe(dtype=dtype), layers=LAYERS)
        difference = (engine_scores(encoder, bulk) - exact).abs().max().item()
        compare(
            f"scorer.bertscore_{name}_bulk",
            "pairs",
            len(bulk),
            partial(package_scores, package, bulk),
            partial(engine_scores, encoder, bulk),
            rounds=options.rounds,
            conditions=f"400 pairs over 40 references in one call, baseline bert_score in fp32, "
            f"P, R and F differ by {difference:.1e} at most",
        )
        compare(
            "scorer.bertscore_stream" + ("" if name == "fp32" else f"_{name}"),
            "pairs",
            len(singles),
            lambda: [package_scores(package, [pair]) for pair in singles],
            partial(stream, encoder, singles),
            rounds=options.rounds,
            conditions="200 pairs over 20 references, merged by 32, the cache empty at the start; baseline "
            "bert_score in fp32, one pair a call",
        )
    memory(options.model)


if __name__ == "__main__":
    main()

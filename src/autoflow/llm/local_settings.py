"""Settings of the local provider."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """How a local model runs. The defaults suit a small model on a small machine.

    The model computes on one worker thread of its own, which spreads each operation over `threads` threads
    of torch's OpenMP pool. torch keeps that number for the whole process, so the model loaded last sets it.
    Whoever starts the process sets `OMP_WAIT_POLICY=PASSIVE` (and `GOMP_SPINCOUNT=0`): pool threads that
    spin between operations take the cores from everything else.
    """

    threads: int = 1
    """Threads of one operation, 1 or more. One or two serve a small model best; a large one takes all
    cores."""
    device: str = "cpu"
    """Where torch puts the model: `cpu`, `cuda`, `cuda:1`."""
    dtype: str = "float32"
    """Type of weights, keys and values: `float32`, `bfloat16` or `float16`. Log-probabilities are float32
    anyway."""
    context: int = 0
    """Most tokens of a prompt and its completion; 0 means what the model was made for. Memory is set aside
    for it."""
    max_rows: int = 128
    """Most sequences that advance together."""
    max_step_tokens: int = 2048
    """Most tokens of one forward pass; longer prompts are read in pieces, while other sequences go on."""
    max_waiting: int = 1024
    """Most calls that wait for a row; one more fails with ModelOverloaded."""
    cache_mib: int = 1024
    """Most memory for keys and values, in MiB: of the sequences under way, and of finished ones for reuse.
    On a CPU it is taken only as it is used."""
    max_adapters: int = 8
    """Most LoRA adapters in memory. The least recently used one makes room; while all are in use, calls for
    another one wait."""
    grammar_cache_mib: int = 64
    """Most memory for compiled grammars, in MiB."""
    shutdown_seconds: float = 30.0
    """How long `close` waits for the pass that is running."""

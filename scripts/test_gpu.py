"""Tests the scorer's engine on a CUDA GPU and measures it there: `make test-gpu`.

The parity tests of the default run, with the engine's models on the device and the oracles on the CPU, then
`benchmarks.scorer_gpu`, whose measurements go to `build/bench/results.jsonl`. Ends with 3 where there is no
GPU, which says nothing about the engine.
"""

from __future__ import annotations

import os
import subprocess
import sys

import torch

from benchmarks.gpu import NO_GPU, no_gpu
from benchmarks.report import RESULTS, collect
from scripts.requirements import ROOT

TESTS = ("test_engine_text.py", "test_engine_images.py", "test_engine_buckets.py", "test_resizing.py")


def main() -> int:
    """Tests and measures; returns the exit status."""
    if reason := no_gpu():
        print(reason, file=sys.stderr)
        return NO_GPU
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}", flush=True)
    tests = [str(ROOT / "tests" / "scorer" / name) for name in TESTS]
    env = {**os.environ, "AUTOFLOW_TEST_DEVICE": "cuda"}
    tested = subprocess.run([sys.executable, "-m", "pytest", *tests], cwd=ROOT, env=env, check=False)
    faults = collect(["benchmarks.scorer_gpu"], RESULTS)
    for fault in faults:
        print(fault, file=sys.stderr)
    return int(bool(tested.returncode or faults))


if __name__ == "__main__":
    sys.exit(main())

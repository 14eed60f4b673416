"""What runs on a GPU alone says so where there is none, and works in small on a CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.mark.parametrize("module", ["scripts.test_gpu", "benchmarks.scorer_gpu"])
def test_without_a_gpu_nothing_passes_for_tested(module: str) -> None:
    finished = ran(module)
    assert (finished.returncode, finished.stdout) == (3, "")
    assert finished.stderr.startswith("there is nothing to try: torch ")


def test_the_benchmark_measures_every_model_in_both_types() -> None:
    finished = ran("benchmarks.scorer_gpu", "--device", "cpu", "--tiny", "--rounds", "1")
    assert finished.returncode == 0, finished.stderr
    told = [json.loads(line) for line in finished.stdout.splitlines()]
    models = ("roberta_large", "minilm", "clip_b16", "vit_b16", "vit_b16_pictures")
    names = {f"scorer.gpu_{model}_{dtype}" for model in models for dtype in ("fp32", "bf16")}
    assert {each["name"] for each in told} == names | {f"{name}_flops" for name in names}
    assert all(0 < each["ratio"] < 1 for each in told if each["name"].endswith("_flops"))

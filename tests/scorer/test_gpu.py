"""What runs on a GPU alone says so where there is none, and works in small on a CPU."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks import scorer_gpu
from scripts import test_gpu


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_passes_for_tested(capsys: pytest.CaptureFixture[str]) -> None:
    assert (test_gpu.main(), scorer_gpu.main([])) == (3, 3)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.partition(":")[0] for line in err.splitlines()] == ["there is nothing to try"] * 2


def test_the_benchmark_measures_every_model_in_both_types(capsys: pytest.CaptureFixture[str]) -> None:
    assert scorer_gpu.main(["--device", "cpu", "--tiny", "--rounds", "1"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    models = ("roberta_large", "minilm", "clip_b16", "vit_b16", "vit_b16_pictures")
    names = {f"scorer.gpu_{model}_{dtype}" for model in models for dtype in ("fp32", "bf16")}
    over = {
        f"scorer.gpu_{model}_over_{other}_{dtype}"
        for model in ("roberta_large", "minilm")
        for other in ("packed", "uncompiled")
        for dtype in ("fp32", "bf16")
    }
    assert {each["name"] for each in told} == names | over | {f"{name}_flops" for name in names}
    assert all(each["ours"] > 0 for each in told if not each["name"].endswith("_flops"))

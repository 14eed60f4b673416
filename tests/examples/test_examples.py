"""The examples run, against real services."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from autoflow.testing import in_process

_EXAMPLES = Path(__file__).parents[2] / "examples"


async def test_execute_workflow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(_EXAMPLES / "execute_workflow.py"))
    async with in_process({"AUTOFLOW_ARTIFACTS": str(tmp_path)}, ["interpreter"]) as system:
        await example["main"](system.addresses["interpreter"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("Step 1: Input: image. Faults: noise, blur.")
    assert printed[-1] == "Answer: Image Denoising, Image Deblurring, Image Captioning, Machine Translation"

"""The benchmark of rewards ends however few workflows a generator has."""

from __future__ import annotations

import pytest

from benchmarks.reward_correlation import distinct
from tests.worker.scripted_generator import ScriptedGenerator


async def test_workflows_are_drawn_until_there_are_enough() -> None:
    generator = ScriptedGenerator(lambda seed, adapter: f"Say {seed // 100}.")
    found = await distinct(generator, 5, seed=0)
    assert [workflow.text[-6:] for workflow in found] == [f"Say {number}." for number in range(5)]
    assert len(generator.requests) == 4


async def test_a_generator_without_new_workflows_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    def write(seed: int, adapter: str) -> str | None:
        assert seed < 10_000, "it is asked again and again"
        return f"Say {seed % 3}." if seed % 5 else None

    found = await distinct(ScriptedGenerator(write), 5, seed=0)
    assert len(found) == 3
    assert "no more than 3 workflows" in capsys.readouterr().err

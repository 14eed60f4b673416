"""The process of an interpreter is killed while it executes."""

from __future__ import annotations

import random
from pathlib import Path

from tests.interpreter.crashes.judging import judge
from tests.interpreter.crashes.killing import mortal, scripts, survive


async def test_all_executions_end_and_nothing_that_ended_is_repeated(tmp_path: Path) -> None:
    wanted = scripts(6)
    async with mortal(wanted, tmp_path) as surroundings:
        survivors = await survive(
            surroundings, wanted, random.Random(0), at_once=6, most_kills=2, lives=(0.1, 0.5)
        )
        verdict = judge(survivors, surroundings)

    assert verdict.faults == []
    assert len(survivors) == len(wanted)
    assert verdict.resumptions >= len(surroundings.kills) > 0

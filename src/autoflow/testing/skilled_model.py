"""A model that writes workflows of known quality, and carries them out as well as they are.

The two steps of its workflows each say how skilled they are, 0 to 5. A task is done rightly where its luck, 0
to 9 by its words alone, is below the sum; half of it is done where the sum is less than 3 short. So of many
tasks about a tenth for each point of skill are done rightly, and workflows of equal skill are exactly equal.

It keeps no state: a draw depends on the chat and the seed, so that a call that is made again, also after a
failure, has the same answer.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

WRITER, EXECUTOR = "writer", "executor"
"""Its names at an endpoint: as the one it writes, as the other it carries out."""

_MOST = 5
_SKILL = re.compile(r"\bskill (\d)\b")
_BREAKS = 0.15
_NOTHING = "no plan"


def skilled(first: int, second: int, version: int = 0) -> str:
    """The text of a workflow.

    Args:
        first: the skill of its first step, 0 to 5.
        second: that of its second.
        version: tells apart workflows of equal skill.
    """
    return (
        f"Step 1:::process:::Look at the task with skill {first}, version {version}.:::next::Step 2\n"
        f"Step 2:::terminal:::Name the models with skill {second}."
    )


class SkilledModel:
    """An `EndpointScript` for `ScriptedEndpoint`.

    Args:
        plans: the right plan of every task, by its query; no query is a part of another.
    """

    def __init__(self, plans: Mapping[str, Sequence[str]]) -> None:
        self._plans = plans

    def __call__(self, body: Mapping[str, Any]) -> str:
        """What it says to a chat."""
        told = "\n".join(message.get("content") or "" for message in body["messages"])
        if body["model"] == EXECUTOR:
            return self._answer(told)
        return _written(told, random.Random(json.dumps([body["messages"], body.get("seed")])))

    def _answer(self, told: str) -> str:
        query = next((query for query in self._plans if query in told), "")
        found = [int(skill) for skill in _SKILL.findall(told)]
        if not query or not found:
            return _NOTHING
        plan, short = self._plans[query], luck(query) - (found[0] + found[-1])
        return ", ".join(plan if short < 0 else plan[: len(plan) // 2]) if short < 3 else _NOTHING


def luck(query: str) -> int:
    """How much skill a task takes beyond which it is done rightly: 0 to 9."""
    return hashlib.sha256(query.encode()).digest()[0] % 10


def _written(told: str, rng: random.Random) -> str:
    """A design from nothing, or what was shown last with one step mostly a little better."""
    if rng.random() < _BREAKS:
        return skilled(0, 0).replace("Step 2\n", "Step 7\n")
    shown = [int(skill) for skill in _SKILL.findall(told)]
    if len(shown) < 2:
        return skilled(rng.randint(0, 2), rng.randint(0, 2), rng.randrange(2))
    first, second = shown[-2:]
    change = rng.choice((-1, 1, 1, 2))
    if rng.random() < 0.5:
        first = _bounded(first + change)
    else:
        second = _bounded(second + change)
    return skilled(first, second, rng.randrange(2))


def _bounded(skill: int) -> int:
    return min(_MOST, max(0, skill))

"""Repair takes time near linear in any text, however hostile."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from autoflow.language import repair

HOSTILE = {
    "brackets": "[",
    "objects": '{"a":',
    "escapes": '{"\\"',
    "steps": "Step 1:::process:::a\n",
    "one step": "Step 1:::process:::",
    "continued": "a\n",
    "arrows": "-> ",
    "sentences": "if yes, go to Step 2, ",
    "bars": "Step 1|process|",
    "colons": ": ",
    "tags": "<b ",
    "line tags": "<br>",
    "fences": "```\n",
    "prose": "Step 1 (process): a\n",
    "untyped": "Step 1: a\n",
    "records": "type: process\nname: a\n",
    "thinking": "<think>",
    "commas": 'Step 1,process,"a",',
    "escaped": "a:::b:::c:::\\n",
    "steps in a row": "Step 1:::process:::a ",
    "names in a row": "a:::process:::b;",
    "elements": "<step>",
    "attributes": '<a b="',
    "fields of elements": '<step type="process" ',
    "flowcharts": "graph TD\n",
    "arrows in a row": "A-->",
    "nodes": "A & ",
    "labels": 'A["',
    "calls": "a(",
    "calls of a type": 'a(type="process",',
    "tuples": "[(",
    "lists of steps": '[{"type":"end","next":[',
    "drafts": "Final version:\n",
    "steps of drafts": "Final version:\nStep 1:::process:::a:::next::Step 9\n",
    "texts in documents": '{"a": "[',
}


_HEADS = [(piece, head) for piece in HOSTILE for head in ("", "Step 1:::process:::a\n")]
_CHARTS = [
    (piece, "graph TD\n") for piece in HOSTILE if piece in {"arrows in a row", "nodes", "labels", "continued"}
]


@pytest.mark.parametrize(("piece", "head"), _HEADS + _CHARTS)
def test_the_calls_grow_no_faster_than_the_text(piece: str, head: str) -> None:
    small, large = (head + HOSTILE[piece] * (chars // len(HOSTILE[piece])) for chars in (3_000, 12_000))
    # Some work is done once; four times the text may take five times the calls, not sixteen times.
    assert _calls(large) <= 5 * _calls(small) + 2_000


def _calls(text: str) -> int:
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        repair(text)
    finally:
        sys.setprofile(None)
    return calls


def test_the_longest_texts_are_answered() -> None:
    # Patterns are not counted above; one that took the square of a text would meet the suite's time limit.
    for piece in HOSTILE.values():
        assert repair(piece * (60_000 // len(piece))).workflow is None

"""What the grammar lets a model write is sound, and nothing outside it is accepted."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest

from autoflow.language import LABEL_PAIRS, Graph, Severity, StepType, check, decoding_grammar

xgrammar: Any = pytest.importorskip("xgrammar")

END_OF_TEXT = 256
WORDS = [
    ":",
    ":::",
    "::",
    "Step ",
    "process",
    "decision",
    ":::next::Step ",
    "Yes",
    "No",
    "True::",
    ":::\n",
    "\n",
    " 1",
    "10",
]
VOCABULARY = [*(bytes([byte]) for byte in range(256)), b"", *(word.encode() for word in WORDS)]


@cache
def _compiled(max_steps: int, max_instruction_chars: int) -> Any:
    info = xgrammar.TokenizerInfo(VOCABULARY, stop_token_ids=[END_OF_TEXT])
    compiler = xgrammar.GrammarCompiler(info, max_threads=1)
    return compiler.compile_grammar(
        xgrammar.Grammar.from_ebnf(decoding_grammar(max_steps, max_instruction_chars))
    )


def _sample(max_steps: int, seed: int) -> str:
    """Draws tokens that the grammar admits until it admits the end, and takes that."""
    rng = random.Random(seed)
    matcher = xgrammar.GrammarMatcher(_compiled(max_steps, 40))
    bitmask = xgrammar.allocate_token_bitmask(1, len(VOCABULARY))
    written = bytearray()
    while True:
        matcher.fill_next_token_bitmask(bitmask)
        bits = [int(word) & 0xFFFFFFFF for word in bitmask[0].tolist()]
        admitted = [i for i in range(len(VOCABULARY)) if bits[i // 32] >> i % 32 & 1]
        # Separators are drawn as often as all the letters together, lest a text be one long instruction.
        separators = [i for i in admitted if b":" in VOCABULARY[i] or b"\n" in VOCABULARY[i]]
        token = rng.choice(separators if separators and rng.random() < 0.3 else admitted)
        assert matcher.accept_token(token)
        if token == END_OF_TEXT:
            return written.decode("utf-8")
        written += VOCABULARY[token]


@cache
def _samples() -> tuple[str, ...]:
    return tuple(_sample(max_steps, seed) for max_steps in (1, 2, 5, 12) for seed in range(12))


def test_samples_are_canonical_and_sound() -> None:
    for text in _samples():
        checked = check(text)
        assert checked.ok, text
        assert checked.workflow is not None
        assert checked.workflow.text == text
        assert {found.severity for found in checked.diagnostics} <= {Severity.WARNING}
        assert {found.code for found in checked.diagnostics} <= {"idle-decision"}


def test_samples_are_varied() -> None:
    workflows = [workflow for workflow in (check(text).workflow for text in _samples()) if workflow]
    steps = [step for workflow in workflows for step in workflow.steps]
    assert {step.type for step in steps} == set(StepType)
    assert len({len(workflow.steps) for workflow in workflows}) > 5
    assert any(len(component) > 1 for workflow in workflows for component in Graph.of(workflow).components())
    labels = {tuple(branch.label for branch in step.branches) for step in steps if len(step.branches) == 2}
    assert len(labels) > len(LABEL_PAIRS)
    assert any(not step.instruction.isascii() for step in steps)


def _accepts(text: str | bytes, max_steps: int = 3) -> bool:
    matcher = xgrammar.GrammarMatcher(_compiled(max_steps, 10), terminate_without_stop_token=True)
    return bool(matcher.accept_string(text)) and bool(matcher.is_terminated())


SOUND = (
    "Step 1:::process:::Plan:::next::Step 2\n"
    "Step 2:::decision:::Good?:::Yes::Step 3::No::Step 1\n"
    "Step 3:::terminal:::Output\n"
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("No::Step 1", "No::Step 2"),
        ("No::Step 1", "No::Step 3"),
        ("Yes::Step 3::No::Step 1", "Yes::Step 1::No::Step 3"),
        ("Yes::Step 3::No::", "No::Step 3::Yes::"),
        ("Yes::Step 3::No::", "Incomplete::Step 3::Complete::"),
        ("process:::Plan:::next::Step 2", "decision:::Plan:::True::Step 2::False::Step 3"),
        ("Plan", "P"),
        ("Plan", "Pl 中é😀 a-"),
    ],
)
def test_accepts(old: str, new: str) -> None:
    text = SOUND.replace(old, new) if old else SOUND
    assert check(text).ok
    assert _accepts(text)


def test_accepts_every_number_of_steps_up_to_the_bound() -> None:
    for size in range(1, 5):
        lines = [f"Step {i}:::process:::Do:::next::Step {i + 1}\n" for i in range(1, size)]
        assert _accepts("".join([*lines, f"Step {size}:::terminal:::Do\n"])) == (size <= 3)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("No::Step 1", "No::Step 4", id="undeclared target within the bound of another N"),
        pytest.param("No::Step 1", "No::Step 0", id="undeclared target"),
        pytest.param("No::Step 1", "No::Start", id="free name"),
        pytest.param("Yes::Step 3::No::Step 1", "Yes::Step 1::No::Step 2", id="no way on"),
        pytest.param("next::Step 2", "next::Step 3", id="process that jumps"),
        pytest.param("next", "then", id="process with another label"),
        pytest.param("Yes::Step 3::No", "Yes::Step 3::Yes", id="one label twice"),
        pytest.param("Yes::Step 3::No", "Yes::Step 3::False", id="labels of two pairs"),
        pytest.param("::No::Step 1", "", id="decision with one branch"),
        pytest.param("terminal:::Output", "process:::Output:::next::Step 1", id="no terminal"),
        pytest.param("process:::Plan:::next::Step 2", "terminal:::Plan", id="terminal in the midst"),
        pytest.param("Output\n", "Output:::\n", id="terminal with a trailing separator"),
        pytest.param("Output\n", "Output", id="no final line feed"),
        pytest.param("Output\n", "Output\n\n", id="blank line"),
        pytest.param("Step 1:::process", "Step 2:::process", id="wrong name"),
        pytest.param("Step 1:::process", "step 1:::process", id="name in lower case"),
        pytest.param("Plan", "", id="empty instruction"),
        pytest.param("Plan", "1 Plan", id="instruction that begins with a digit"),
        pytest.param("Plan", " Plan", id="leading space"),
        pytest.param("Plan", "Plan ", id="trailing space"),
        pytest.param("Plan", "Pl:an", id="colon"),
        pytest.param("Plan", "Pl\tan", id="tab"),
        pytest.param("Plan", "Pl\u0085an", id="control character"),
        pytest.param("Plan", "Pl\u2028an", id="line separator"),
        pytest.param("Plan", "Plan\u00a0", id="no-break space"),
        pytest.param("Plan", "P" * 11, id="instruction longer than the bound"),
    ],
)
def test_rejects(old: str, new: str) -> None:
    assert old in SOUND
    assert not _accepts(SOUND.replace(old, new, 1), max_steps=12 if "4" in new else 3)


def test_the_length_of_an_instruction_is_counted_in_characters() -> None:
    assert _accepts(f"Step 1:::terminal:::P{'中' * 9}\n")
    assert not _accepts(f"Step 1:::terminal:::P{'中' * 10}\n")


def test_rejects_bytes_that_are_no_text() -> None:
    # A byte-level vocabulary can spell a surrogate, which UTF-8 forbids.
    assert _accepts(b"Step 1:::terminal:::P\xed\x9f\xbf\n")
    assert not _accepts(b"Step 1:::terminal:::P\xed\xa0\x80\n")


def test_stays_small() -> None:
    assert len(decoding_grammar(12)) < 20_000
    assert len(decoding_grammar(64)) < 400_000


@pytest.mark.parametrize(("max_steps", "max_chars"), [(0, 240), (-1, 240), (12, 1)])
def test_refuses_bounds_that_leave_no_workflow(max_steps: int, max_chars: int) -> None:
    with pytest.raises(ValueError, match="max_"):
        decoding_grammar(max_steps, max_chars)

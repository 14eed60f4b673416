"""Every code has a text that provokes it, at its line, with its severity, and a row in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoflow.language import CODES, MAX_DIAGNOSTICS, REPAIRS, Limits, Severity, check

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "language.md"
END = "E:::terminal:::Output\n"
SMALL = Limits(
    max_text_chars=1000,
    max_steps=4,
    max_branches=3,
    max_name_chars=10,
    max_label_chars=10,
    max_instruction_chars=20,
)

# Code, text, and every finding of the text as (code, line).
EXAMPLES: list[tuple[str, str, list[tuple[str, int]]]] = [
    ("no-steps", "I cannot help with that.\n", [("no-steps", 0)]),
    ("no-steps", "", [("no-steps", 0)]),
    ("not-a-step", f"A:::process:::x:::next::E\nthen\n{END}", [("not-a-step", 2)]),
    ("not-a-step", f"A:::x\n{END}", [("not-a-step", 1)]),
    ("not-a-step", f"{END}A:::x\n", [("not-a-step", 2)]),
    ("missing-field", "E:::terminal\n", [("missing-field", 1), ("empty-instruction", 1)]),
    ("missing-field", f"{END}:::process:::x:::next::E\n", [("missing-field", 2)]),
    ("missing-field", f"A::::::x:::next::E\n{END}", [("missing-field", 1)]),
    ("unknown-type", f"A:::action:::x:::next::E\n{END}", [("unknown-type", 1)]),
    ("bad-branches", f"A:::decision:::x:::a::E::b::A::c\n{END}", [("bad-branches", 1)]),
    (
        "bad-branches",
        f"A:::process:::x:::next\n{END}",
        [("bad-branches", 1), ("missing-next", 1), ("unreachable-step", 2)],
    ),
    ("leading-text", f"Here:\nNow:\n{END}", [("leading-text", 1)]),
    ("trailing-text", f"{END}Bye.\nBye!\n", [("trailing-text", 2)]),
    ("unrepresentable-character", "E:::terminal:::Out\x00put\n", [("unrepresentable-character", 1)]),
    ("colons", f"A:::process:::use std::sort:::next::E\n{END}", [("colons", 1)]),
    ("colons", f"A:::process:::as follows::::next::E\n{END}", [("colons", 1)]),
    ("colons", "E:::terminal:::std::sort\n", [("colons", 1)]),
    ("extra-separator", f"A:::decision:::x:::a::E:::b::A\n{END}", [("extra-separator", 1)]),
    ("wrong-separator", f"A:::process:::x::next::E\n{END}", [("wrong-separator", 1)]),
    ("bare-target", f"A:::process:::x:::E\n{END}", [("bare-target", 1)]),
    ("bare-target", "E:::terminal:::x:::E\n", [("bare-target", 1), ("terminal-branches", 1)]),
    ("vacuous-branch", "E:::terminal:::x:::End\n", [("vacuous-branch", 1)]),
    ("trailing-separator", "E:::terminal:::x:::\n", [("trailing-separator", 1)]),
    ("target-spelling", f"A:::process:::x:::next::e.\n{END}", [("target-spelling", 1)]),
    ("type-spelling", "E:::Terminal:::x\n", [("type-spelling", 1)]),
    ("name-markup", "1. **E**:::terminal:::x\n", [("name-markup", 1)]),
    ("code-fence", f"```text\n{END}```\n", [("code-fence", 1)]),
    ("blank-line", f"A:::process:::x:::next::E\n\n\n{END}", [("blank-line", 2)]),
    ("surrounding-whitespace", "E ::: terminal:::x\n", [("surrounding-whitespace", 1)]),
    ("line-ending", f"A:::process:::x:::next::E\n{END.strip()}\r\n", [("line-ending", 2)]),
    ("duplicate-step", f"{END}e:::terminal:::x\n", [("duplicate-step", 2)]),
    ("duplicate-label", f"A:::decision:::x:::Yes::E::yes::A\n{END}", [("duplicate-label", 1)]),
    ("unknown-target", f"A:::decision:::x:::a::E::b::F\n{END}", [("unknown-target", 1)]),
    ("empty-instruction", "E:::terminal:::\n", [("empty-instruction", 1)]),
    ("empty-instruction", "E:::terminal:::[Ask]\n", [("empty-instruction", 1)]),
    ("missing-next", f"A:::process:::x\n{END}", [("missing-next", 1), ("unreachable-step", 2)]),
    ("missing-next", f"A:::process:::x:::then::E\n{END}", [("missing-next", 1)]),
    ("several-branches", f"A:::process:::x:::next::E::else::A\n{END}", [("several-branches", 1)]),
    ("too-few-branches", f"A:::decision:::x:::a::E\n{END}", [("too-few-branches", 1)]),
    ("too-few-branches", f"A:::decision:::x\n{END}", [("too-few-branches", 1), ("unreachable-step", 2)]),
    ("terminal-branches", "E:::terminal:::x:::next::Nowhere\n", [("terminal-branches", 1)]),
    ("no-terminal", "A:::process:::x:::next::A\n", [("no-terminal", 0)]),
    ("unreachable-step", f"{END}A:::process:::x:::next::E\n", [("unreachable-step", 2)]),
    # A loop that cannot be entered is told as that alone.
    ("unreachable-step", f"{END}A:::process:::x:::next::A\n", [("unreachable-step", 2)]),
    # Findings of the linter count the lines that the parser passes over.
    (
        "empty-instruction",
        f"So:\n\nA:::process::::::next::E\n{END}",
        [("leading-text", 1), ("blank-line", 2), ("empty-instruction", 3)],
    ),
    (
        "inescapable-loop",
        f"A:::decision:::x:::a::B::b::E\nB:::process:::x:::next::C\nC:::process:::x:::next::B\n{END}",
        [("inescapable-loop", 2)],
    ),
    (
        "inescapable-loop",
        f"A:::decision:::x:::a::B::b::E\nB:::decision:::x:::a::B::b::C\nC:::process:::x:::next::B\n{END}",
        [("inescapable-loop", 2)],
    ),
    (
        "no-path-to-terminal",
        f"A:::decision:::x:::a::B::b::E\nB:::process:::x:::next::C\nC:::process:::x:::next::C\n{END}",
        [("no-path-to-terminal", 2), ("inescapable-loop", 3)],
    ),
    ("idle-decision", f"A:::decision:::x:::a::E::b::E\n{END}", [("idle-decision", 1)]),
    ("text-too-long", f"{END}{'x' * 1000}", [("text-too-long", 0)]),
    (
        "too-many-steps",
        "".join(f"S{i}:::process:::x:::next::S{i + 1}\n" for i in range(4)) + "S4:::terminal:::x",
        [("too-many-steps", 0)],
    ),
    (
        "too-many-branches",
        f"A:::decision:::x:::a::A::b::A::c::A::d::E\n{END}",
        [("too-many-branches", 1)],
    ),
    ("too-long", f"{'E' * 11}:::terminal:::x\n", [("too-long", 1)]),
    ("too-long", f"E:::terminal:::{'x' * 21}\n", [("too-long", 1)]),
    ("too-long", f"A:::decision:::x:::{'a' * 11}::A::b::E\n{END}", [("too-long", 1)]),
]


@pytest.mark.parametrize(("code", "text", "findings"), EXAMPLES)
def test_example(code: str, text: str, findings: list[tuple[str, int]]) -> None:
    checked = check(text, SMALL)
    assert sorted((found.code, found.line) for found in checked.diagnostics) == sorted(findings)
    assert code in dict(findings)
    assert checked.ok == all(CODES[code].severity is not Severity.ERROR for code, _ in findings)
    assert all(found.severity is CODES[found.code].severity for found in checked.diagnostics)


@pytest.mark.parametrize(("code", "text", "findings"), EXAMPLES)
def test_a_finding_of_consequence_says_what_to_do(
    code: str, text: str, findings: list[tuple[str, int]]
) -> None:
    errors = [found for found in check(text, SMALL).diagnostics if found.severity is Severity.ERROR]
    assert all(found.fix for found in errors)


def test_every_code_has_an_example() -> None:
    tested_apart = {"too-many-diagnostics"}
    assert {code for code, _, _ in EXAMPLES} | tested_apart == set(CODES)


def test_of_too_many_findings_the_errors_are_told() -> None:
    spellings = "".join(f"A{i}:::process:::x:::next::e\n" for i in range(MAX_DIAGNOSTICS + 50))
    checked = check(f"{spellings}{END}Z:::process:::x:::next::Nowhere\n", Limits(max_steps=1000))
    assert len(checked.diagnostics) == MAX_DIAGNOSTICS + 1
    assert [found.code for found in checked.diagnostics].count("too-many-diagnostics") == 1
    assert not checked.ok
    # Of all the findings only the misspelled targets are of no consequence.
    told = [found.code for found in checked.diagnostics]
    assert told.count("unreachable-step") == MAX_DIAGNOSTICS


def test_findings_within_the_bound_are_all_told() -> None:
    lines = "".join(f"A{i}:::process:::x:::A{i + 1}\n" for i in range(MAX_DIAGNOSTICS))
    checked = check(f"{lines}A{MAX_DIAGNOSTICS}:::terminal:::x\n", Limits(max_steps=1000))
    assert [found.code for found in checked.diagnostics] == ["bare-target"] * MAX_DIAGNOSTICS
    assert checked.ok


def test_one_fault_is_not_reported_as_many() -> None:
    text = f"A:::process:::x:::next::B\nB:::process:::x:::next::Nowhere\nC:::process:::x:::next::E\n{END}"
    codes = [found.code for found in check(text).diagnostics]
    assert "no-path-to-terminal" not in codes
    assert "inescapable-loop" not in codes


def test_limits_are_inclusive() -> None:
    text = f"{'A' * 10}:::decision:::{'x' * 20}:::{'a' * 10}::E::b::{'A' * 10}::c::E\n{END}"
    assert check(text, Limits(len(text), 2, 3, 10, 10, 20)).ok


def test_codes_are_kebab_case() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in CODES)


def test_the_documentation_lists_exactly_the_codes() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (\w+) \| (.+) \|$", DOCUMENTATION.read_text(encoding="utf-8"), re.M
    )
    assert rows == [(code, info.severity.value, info.explanation) for code, info in CODES.items()]


def test_the_documentation_lists_exactly_the_changes_of_a_repair() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| ([A-Z`][^|]+) \|$", DOCUMENTATION.read_text(encoding="utf-8"), re.M
    )
    assert rows == [(code, info.explanation) for code, info in REPAIRS.items()]
    assert not set(REPAIRS) & set(CODES)

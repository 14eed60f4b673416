"""Findings about a workflow text: their form, their stable codes, and how many of them are kept.

A code is public: clients switch on it, so it is never renamed or given another meaning. The parser and the
linter take the severity of a finding from ``CODES`` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

MAX_DIAGNOSTICS: Final = 200
"""A hostile text has as many faults as characters; so many are told."""


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """The workflow must not be executed."""
    WARNING = "warning"
    """Text was left out or its meaning was guessed, or a sound workflow looks unintended."""
    INFO = "info"
    """The text was read with certainty but is not the canonical text."""


_MOST_SEVERE_FIRST = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding."""

    severity: Severity
    code: str
    """A key of ``CODES``."""
    line: int
    """Line of the source text, from 1; 0 is the text as a whole."""
    column: int
    """Character of the line, from 1; 0 is the text as a whole."""
    message: str
    """What was found, in one sentence."""
    fix: str
    """What to do about it, in one sentence; empty where formatting the workflow is enough."""


class CodeInfo(NamedTuple):
    """What a diagnostic code means."""

    severity: Severity
    title: str
    explanation: str


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

CODES: Final[Mapping[str, CodeInfo]] = MappingProxyType(
    {
        # The text is not in the language.
        "no-steps": CodeInfo(_ERROR, "No steps", "No line of the text is a step."),
        "not-a-step": CodeInfo(_ERROR, "Not a step", "A line among the steps is none; it is left out."),
        "missing-field": CodeInfo(
            _ERROR, "Missing field", "A step lacks its name, its type or its instruction."
        ),
        "unknown-type": CodeInfo(
            _ERROR, "Unknown type", "The type is none of process, decision and terminal; it is guessed."
        ),
        "bad-branches": CodeInfo(
            _ERROR, "Bad branches", "Labels and targets do not pair up; what has no partner is left out."
        ),
        # The text is not canonical, and is read nevertheless.
        "leading-text": CodeInfo(_WARNING, "Leading text", "Text before the first step is left out."),
        "trailing-text": CodeInfo(_WARNING, "Trailing text", "Text after the last step is left out."),
        "unrepresentable-character": CodeInfo(
            _WARNING, "Unrepresentable character", "A control character or lone surrogate is read as a space."
        ),
        "colons": CodeInfo(
            _WARNING,
            "Stray colons",
            "Colons beside a separator are left out, and `::` in a field is read as `:`.",
        ),
        "extra-separator": CodeInfo(
            _WARNING,
            "Extra separator",
            "`:::` among the branches is read as `::`, so that no branch is lost.",
        ),
        "wrong-separator": CodeInfo(
            _WARNING, "Wrong separator", "`::` between the instruction and the branches is read as `:::`."
        ),
        "bare-target": CodeInfo(
            _WARNING, "Bare target", "A target without a label is read as the branch `next`."
        ),
        "vacuous-branch": CodeInfo(
            _WARNING, "Vacuous branch", "A word behind a terminal step that names no step is left out."
        ),
        "trailing-separator": CodeInfo(
            _INFO, "Trailing separator", "Separators before or after the branches are left out."
        ),
        "target-spelling": CodeInfo(
            _INFO,
            "Target spelling",
            "A target differs from the name in case, spacing or closing punctuation.",
        ),
        "type-spelling": CodeInfo(_INFO, "Type spelling", "The type is not in plain lower case."),
        "name-markup": CodeInfo(
            _INFO, "Name markup", "List markers and Markdown around a name are left out."
        ),
        "code-fence": CodeInfo(_INFO, "Code fence", "A Markdown code fence is left out."),
        "blank-line": CodeInfo(_INFO, "Blank line", "Blank lines are left out."),
        "surrounding-whitespace": CodeInfo(
            _INFO, "Surrounding whitespace", "Whitespace at the ends of lines and fields is left out."
        ),
        "line-ending": CodeInfo(_INFO, "Line ending", "Lines end with a carriage return."),
        # The workflow is not sound.
        "duplicate-step": CodeInfo(
            _ERROR, "Duplicate step", "Two steps have one name; branches lead to the first of them."
        ),
        "duplicate-label": CodeInfo(_ERROR, "Duplicate label", "Two branches of a step have one label."),
        "unknown-target": CodeInfo(
            _ERROR, "Unknown target", "A branch leads to a step that is not declared."
        ),
        "empty-instruction": CodeInfo(_ERROR, "Empty instruction", "A step says nothing to do."),
        "missing-next": CodeInfo(_ERROR, "Missing next", "A process step has no branch labelled `next`."),
        "several-branches": CodeInfo(
            _ERROR, "Several branches", "A process step has more than one branch; only a decision can choose."
        ),
        "too-few-branches": CodeInfo(
            _ERROR, "Too few branches", "A decision has fewer than two branches to choose between."
        ),
        "terminal-branches": CodeInfo(
            _ERROR, "Terminal with branches", "A terminal step ends the workflow, yet has branches."
        ),
        "no-terminal": CodeInfo(_ERROR, "No terminal", "No step is terminal, so the workflow cannot end."),
        "unreachable-step": CodeInfo(
            _ERROR, "Unreachable step", "No path leads from the first step to this one."
        ),
        "inescapable-loop": CodeInfo(
            _ERROR, "Inescapable loop", "Steps lead in a circle that no decision can leave."
        ),
        "no-path-to-terminal": CodeInfo(
            _ERROR, "No path to a terminal", "Every path from this step ends in an inescapable loop."
        ),
        "idle-decision": CodeInfo(
            _WARNING, "Idle decision", "All branches of a decision lead to the same step."
        ),
        # Limits.
        "text-too-long": CodeInfo(_ERROR, "Text too long", "The text exceeds the limit; it is not parsed."),
        "too-many-steps": CodeInfo(_ERROR, "Too many steps", "The workflow has more steps than the limit."),
        "too-many-branches": CodeInfo(
            _ERROR, "Too many branches", "A step has more branches than the limit."
        ),
        "too-long": CodeInfo(_ERROR, "Too long", "A name, label or instruction exceeds its limit."),
        "too-many-diagnostics": CodeInfo(
            _WARNING, "Too many diagnostics", "There are more findings than are told; the gravest are."
        ),
    }
)
"""Every code there is, with its meaning; ``docs/language.md`` lists them for readers."""


class Findings:
    """Collects diagnostics in bounded memory."""

    def __init__(self) -> None:
        self._kept: dict[Severity, list[Diagnostic]] = {_ERROR: [], _WARNING: [], _INFO: []}
        self._tallies: dict[str, tuple[Diagnostic, int]] = {}

    def add(self, code: str, line: int, column: int, message: str, fix: str = "") -> None:
        """Adds one finding.

        Args:
            code: A key of ``CODES``.
            line: Line of the source text, from 1; 0 is the text as a whole.
            column: Character of the line, from 1; 0 is the text as a whole.
            message: What was found, in one sentence.
            fix: What to do about it.
        """
        severity = CODES[code].severity
        kept = self._kept[severity]
        # One more than is told, so that `bounded` notices.
        if len(kept) <= MAX_DIAGNOSTICS:
            kept.append(Diagnostic(severity, code, line, column, message, fix))

    def tally(self, code: str, line: int, column: int, message: str) -> None:
        """Counts a matter of layout that is told once for the whole text, where it first occurs."""
        first, count = self._tallies.get(code) or (
            Diagnostic(CODES[code].severity, code, line, column, message, ""),
            0,
        )
        self._tallies[code] = (first, count + 1)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Returns what was found, by line and column, at most ``MAX_DIAGNOSTICS`` and one more."""
        tallied = [
            first if count == 1 else replace(first, message=f"{first.message} ({count} times)")
            for first, count in self._tallies.values()
        ]
        return bounded([*tallied, *(found for kept in self._kept.values() for found in kept)])


def bounded(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Returns the diagnostics by line and column; of too many, the gravest and ``too-many-diagnostics``."""
    found = list(diagnostics)
    if not found:
        return ()
    told = [each for each in found if each.code != "too-many-diagnostics"]
    overflow = len(told) < len(found) or len(told) > MAX_DIAGNOSTICS
    told.sort(key=lambda each: (_MOST_SEVERE_FIRST[each.severity], each.line, each.column))
    told = sorted(told[:MAX_DIAGNOSTICS], key=lambda each: (each.line, each.column))
    if overflow:
        info = CODES["too-many-diagnostics"]
        message = f"More than {MAX_DIAGNOSTICS} findings; the gravest are told."
        told.append(
            Diagnostic(info.severity, "too-many-diagnostics", 0, 0, message, "Fix these and check again.")
        )
    return tuple(told)


def quoted(value: str, limit: int = 60) -> str:
    """Returns a value of the text in quotes, cut to a length fit for a message."""
    return f"'{value}'" if len(value) <= limit else f"'{value[:limit]}…'"

"""Joins lines that are parts of one step: an instruction that runs on, branches on lines of their own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from autoflow.language._layout import read_type
from autoflow.language.diagnostics import quoted
from autoflow.language.fields import BRANCH_SEPARATOR, FIELD_SEPARATOR, name_prefix, plain_name
from autoflow.language.model import StepType
from autoflow.language.repair.branches import Pairs, means_target, read_branches
from autoflow.language.repair.changes import Changes
from autoflow.language.repair.lines import is_step, split_branches
from autoflow.language.repair.source import SourceLine

_MOST_CHARS: Final = 10_000
"""Of a step that is still joined with more; so many are beyond the limits."""
_NUMBERED = re.compile(r"step {1,4}\d{1,4}", re.IGNORECASE)


def joined(lines: list[SourceLine], changes: Changes) -> list[SourceLine]:
    """Joins lines that belong together; a blank line or a fence parts them."""
    result: list[SourceLine] = []
    below_step = False
    for line in lines:
        text = _continued(result[-1].text, line.text) if below_step and _goes_on(line) else None
        if text is None:
            below_step = is_step(line.text)
            result.append(line)
        else:
            changes.add(
                "joined-line", line.number, f"{quoted(line.text.strip())} is joined to the step above."
            )
            below_step = len(text) < _MOST_CHARS
            result[-1] = replace(result[-1], text=text)
    return result


def _goes_on(line: SourceLine) -> bool:
    return bool(line.text.strip()) and not line.is_fence and not is_step(line.text)


def _continued(before: str, line: str) -> str | None:
    """Returns the step with the line below it, or None if that is no part of it."""
    text = line.strip()
    head, branches = split_branches(before)
    _, type_, *rest = head.split(FIELD_SEPARATOR)
    ended = read_type(type_) is StepType.TERMINAL and bool(rest) and bool(rest[0].strip())
    if not ended and before.rstrip().endswith(BRANCH_SEPARATOR):
        return before.rstrip() + text
    separator = BRANCH_SEPARATOR if branches else FIELD_SEPARATOR
    if text.startswith(BRANCH_SEPARATOR) and not ended:
        return before.rstrip() + separator + text.lstrip(": ")
    pairs = _pairs(text)
    if pairs and not ended:
        return before.rstrip() + separator + BRANCH_SEPARATOR.join(part for pair in pairs for part in pair)
    if branches or ended:
        return None
    first, parted, after = text.partition(FIELD_SEPARATOR)
    holds_branches = BRANCH_SEPARATOR in after and not _NUMBERED.fullmatch(plain_name(first))
    if (parted and holds_branches) or (not parted and (line[0].isspace() or text[0].islower())):
        return f"{before.rstrip()} {text}"
    return None


def _pairs(text: str) -> Pairs:
    """Returns the branches of a line that holds nothing else."""
    plain = text.removeprefix(name_prefix(text))
    if FIELD_SEPARATOR in plain:
        return []
    tokens = [token.strip() for token in plain.split(BRANCH_SEPARATOR)]
    if len(tokens) > 1:
        return (
            list(zip(tokens[::2], tokens[1::2], strict=True)) if all(tokens) and len(tokens) % 2 == 0 else []
        )
    return read_branches(plain, means_target)

"""What the generator hands on."""

from __future__ import annotations

from dataclasses import dataclass

from autoflow.language import Checked, Diagnostic
from autoflow.llm import Completion, Usage
from autoflow_generator.guidance import Guidance


@dataclass(frozen=True, slots=True)
class Started:
    """What all candidates have in common."""

    prompt_token_ids: tuple[int, ...]
    """Empty where the provider does not tell."""
    grammar: str
    """Empty where none masked the draw."""
    prompt_version: str
    guidance: Guidance
    attempts_left_out: int = 0
    """The oldest ones, which did not fit the model's context."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draw that was no valid workflow, and was corrected."""

    completion: Completion
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A drawn workflow."""

    index: int
    completion: Completion
    """The last draw."""
    source: str
    """The workflow's text; the drawn one where nothing was mended."""
    checked: Checked
    """What `source` says, and what is wrong with it."""
    valid: bool
    changes: tuple[Diagnostic, ...]
    """What was repaired in the drawn text; then `source` is not what was sampled."""
    drafts: tuple[Draft, ...]
    """The draws before the last one, in order."""
    usage: Usage
    """Of all its draws."""
    duplicate_of: int | None = None
    """The candidate of the same request that was the same workflow before."""
    repeats_attempt: int | None = None
    """The attempt of the request that is the same workflow; the newest of several."""

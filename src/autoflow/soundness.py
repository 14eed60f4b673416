"""Refuses workflows that cannot be executed, in words for whoever sent them."""

from __future__ import annotations

from autoflow.errors import InvalidArgument
from autoflow.language import Diagnostic, Severity, Workflow, check

_MAX_ERRORS = 5
"""So many errors of a workflow are told."""


def sound_workflow(source: str, field: str, what: str = "the workflow") -> Workflow:
    """The workflow that a text says.

    Args:
        source: the text.
        field: where it stands in the request.
        what: what the workflow is called.

    Raises:
        InvalidArgument: it has lint errors; the error tells their lines, and what mends the first.
    """
    checked = check(source)
    if checked.ok and checked.workflow is not None:
        return checked.workflow
    errors = [found for found in checked.diagnostics if found.severity is Severity.ERROR]
    told = "; ".join(map(_in_words, errors[:_MAX_ERRORS]))
    if len(errors) > _MAX_ERRORS:
        told += f"; and {len(errors) - _MAX_ERRORS} more"
    raise InvalidArgument(field, f"{what} cannot be executed: {told}", fix=errors[0].fix if errors else "")


def _in_words(found: Diagnostic) -> str:
    place = f"line {found.line}: " if found.line else ""
    return f"{place}{found.message} ({found.code})"

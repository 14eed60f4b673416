"""What keeps a draw to the form of a workflow, and how a drawn text is read.

A grammar where the model takes one: then every complete text is a valid workflow. Else a JSON schema, which
says less: what it lets through is linted. Else nothing. Texts that are to stay exactly as they were drawn are
never drawn as JSON, since the workflow would then be another text than the sampled one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autoflow.language import (
    Checked,
    Diagnostic,
    Severity,
    check,
    from_json,
    workflow_schema,
)
from autoflow.llm import Capabilities, Constraint, Grammar, JsonSchema
from autoflow_generator.requests import Mending

NOT_BY_SCHEMA = "not-by-schema"
"""The code of the finding in a text that is not JSON by the schema of workflows."""


class Guidance(StrEnum):
    """What kept a draw to the form of a workflow."""

    NONE = "none"
    GRAMMAR = "grammar"
    JSON_SCHEMA = "json_schema"

    @classmethod
    def best(cls, can: Capabilities, mending: Mending) -> Guidance:
        """The most that a model can be kept to.

        Args:
            can: what the model can.
            mending: what is done about its draws.
        """
        if can.grammar:
            return cls.GRAMMAR
        return cls.JSON_SCHEMA if can.json_schema and mending is not Mending.NONE else cls.NONE

    def constraint(self, grammar: Grammar | None) -> Constraint | None:
        """What a draw must keep to.

        Args:
            grammar: the one to draw under, where it is one.
        """
        return JsonSchema("workflow", workflow_schema()) if self is Guidance.JSON_SCHEMA else grammar


@dataclass(frozen=True, slots=True)
class Reading:
    """What a drawn text says."""

    source: str
    """The text in the language; the drawn one, unless a workflow was made from it."""
    checked: Checked


def read(text: str, guidance: Guidance) -> Reading:
    """Reads a drawn text.

    Args:
        text: as it was drawn; it may be cut off.
        guidance: what it was drawn under.
    """
    if guidance is not Guidance.JSON_SCHEMA:
        return Reading(text, check(text))
    try:
        source = from_json(text).text
    except ValueError as error:
        fix = "Write one JSON object by the schema, and nothing else."
        found = Diagnostic(Severity.ERROR, NOT_BY_SCHEMA, 0, 0, f"No workflow can be read: {error}.", fix)
        return Reading(text, Checked(None, (found,)))
    return Reading(source, check(source))

"""The public names are a decision, not an accident."""

from __future__ import annotations

from autoflow import language


def test_public_names() -> None:
    assert sorted(language.__all__) == [
        "Branch",
        "CODES",
        "Checked",
        "CodeInfo",
        "DEFAULT_LIMITS",
        "Diagnostic",
        "Graph",
        "LABEL_PAIRS",
        "Limits",
        "MAX_DIAGNOSTICS",
        "NEXT_LABEL",
        "Parsed",
        "REPAIRS",
        "Repaired",
        "Severity",
        "Step",
        "StepType",
        "Workflow",
        "check",
        "decoding_grammar",
        "from_json",
        "lark_grammar",
        "lint",
        "parse",
        "repair",
        "to_dot",
        "to_json",
        "to_mermaid",
        "workflow_schema",
    ]
    assert all(hasattr(language, name) for name in language.__all__)

"""The public names are a decision, not an accident."""

from __future__ import annotations

from autoflow import language


def test_public_names() -> None:
    assert sorted(language.__all__) == [
        "Branch",
        "CODES",
        "ChangeKind",
        "Checked",
        "CodeInfo",
        "DEFAULT_LIMITS",
        "Diagnostic",
        "Graph",
        "LABEL_PAIRS",
        "Limits",
        "MAX_DIAGNOSTICS",
        "NEXT_LABEL",
        "Notations",
        "Parsed",
        "REPAIRS",
        "Repaired",
        "Severity",
        "Step",
        "StepChange",
        "StepType",
        "Workflow",
        "WorkflowDiff",
        "check",
        "decoding_grammar",
        "diff",
        "diff_to_mermaid",
        "from_json",
        "lark_grammar",
        "lint",
        "named_grammar",
        "names_grammar",
        "parse",
        "repair",
        "step_grammar",
        "to_dot",
        "to_json",
        "to_mermaid",
        "workflow_schema",
    ]
    assert all(hasattr(language, name) for name in language.__all__)

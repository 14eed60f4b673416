"""CoRE, the language of workflows: model, parser, linter, graph, decoding grammar and diagrams.

Pure Python without dependencies. ``check`` is the usual way in: it parses a text and says whether it can
be executed.
"""

from autoflow.language.diagnostics import CODES, MAX_DIAGNOSTICS, CodeInfo, Diagnostic, Severity
from autoflow.language.diff import ChangeKind, StepChange, WorkflowDiff, diff
from autoflow.language.dot import to_dot
from autoflow.language.grammar import (
    LABEL_PAIRS,
    Notations,
    decoding_grammar,
    lark_grammar,
    named_grammar,
    names_grammar,
)
from autoflow.language.graph import Graph
from autoflow.language.json_form import from_json, to_json, workflow_schema
from autoflow.language.linter import DEFAULT_LIMITS, Checked, Limits, check, lint
from autoflow.language.mermaid import diff_to_mermaid, to_mermaid
from autoflow.language.model import NEXT_LABEL, Branch, Step, StepType, Workflow
from autoflow.language.parser import Parsed, parse
from autoflow.language.repair import REPAIRS, Repaired, repair
from autoflow.language.step_grammar import step_grammar

__all__ = [
    "CODES",
    "DEFAULT_LIMITS",
    "LABEL_PAIRS",
    "MAX_DIAGNOSTICS",
    "NEXT_LABEL",
    "REPAIRS",
    "Branch",
    "ChangeKind",
    "Checked",
    "CodeInfo",
    "Diagnostic",
    "Graph",
    "Limits",
    "Notations",
    "Parsed",
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

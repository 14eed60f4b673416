"""What language models are asked, in one place: the services ask it, the embedded model is trained on it.

Every prompt is a chat. The system message explains the task to a model that has never seen it; the embedded
model has seen nothing else and its chat template passes system messages over. `VERSION` changes with any
wording, and is part of the evaluation cache's key.
"""

from autoflow.prompts.design import design, error_verdict, failed_step, reflection, revision, score_verdict
from autoflow.prompts.execution import (
    BRANCH_OPTIONS,
    branch,
    branch_again,
    execution,
    read_branch,
    step,
)
from autoflow.prompts.memory import (
    RELEVANCE_LABELS,
    memory_entry,
    memory_part,
    missing,
    read_selection,
    recalling,
    relevance,
    selection,
    selection_line,
    shortened,
)

VERSION = "1"
"""The version of all prompts."""

__all__ = [
    "BRANCH_OPTIONS",
    "RELEVANCE_LABELS",
    "VERSION",
    "branch",
    "branch_again",
    "design",
    "error_verdict",
    "execution",
    "failed_step",
    "memory_entry",
    "memory_part",
    "missing",
    "read_branch",
    "read_selection",
    "recalling",
    "reflection",
    "relevance",
    "revision",
    "score_verdict",
    "selection",
    "selection_line",
    "shortened",
    "step",
]

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

VERSION = "1"
"""The version of all prompts."""

__all__ = [
    "BRANCH_OPTIONS",
    "VERSION",
    "branch",
    "branch_again",
    "design",
    "error_verdict",
    "execution",
    "failed_step",
    "read_branch",
    "reflection",
    "revision",
    "score_verdict",
    "step",
]

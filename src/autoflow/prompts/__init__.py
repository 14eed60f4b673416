"""What language models are asked, in one place: the services ask it, the embedded model is trained on it.

Every prompt is a chat. The system message explains the task to a model that has never seen it; the embedded
model has seen nothing else and its chat template passes system messages over.

`VERSION` changes with every letter of a prompt, be it in a template or in the code that puts one together,
with the schema of a reply, and with how replies are read where the same reply then means something else: all
that lets the same model do something else. It does not change with the words of errors that no model sees,
nor when a prompt is added: what was asked before is asked as before. It is one number for all prompts: it
stands in every trace, with every generated workflow, and in the key of the evaluation cache, which thereby
forgets what other wordings scored. What the embedded model was trained on (`design`, `revision`,
`reflection`, `execution`, `branch`) may not change without training it anew.
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
from autoflow.prompts.fused import (
    StepReply,
    UnusableReply,
    fused_observation,
    fused_opening,
    fused_turn,
    read_step,
    step_again,
    step_function,
    step_schema,
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
from autoflow.prompts.tool_questions import (
    TOOL_LABELS,
    arguments_again,
    option_again,
    option_marks,
    read_arguments,
    read_option,
    tool_arguments,
    tool_choice,
    tool_needed,
    tool_summary,
)
from autoflow.prompts.writing import (
    CUT_OFF,
    StepFailure,
    correction,
    finding,
    plain_failure,
    step_names,
    step_to_change,
    steps_named,
    structure_to_change,
    told_failure,
)

VERSION = "2"
"""The version of all prompts."""

__all__ = [
    "BRANCH_OPTIONS",
    "CUT_OFF",
    "RELEVANCE_LABELS",
    "TOOL_LABELS",
    "VERSION",
    "StepFailure",
    "StepReply",
    "UnusableReply",
    "arguments_again",
    "branch",
    "branch_again",
    "correction",
    "design",
    "error_verdict",
    "execution",
    "failed_step",
    "finding",
    "fused_observation",
    "fused_opening",
    "fused_turn",
    "memory_entry",
    "memory_part",
    "missing",
    "option_again",
    "option_marks",
    "plain_failure",
    "read_arguments",
    "read_branch",
    "read_option",
    "read_selection",
    "read_step",
    "recalling",
    "reflection",
    "relevance",
    "revision",
    "score_verdict",
    "selection",
    "selection_line",
    "shortened",
    "step",
    "step_again",
    "step_function",
    "step_names",
    "step_schema",
    "step_to_change",
    "steps_named",
    "structure_to_change",
    "told_failure",
    "tool_arguments",
    "tool_choice",
    "tool_needed",
    "tool_summary",
]

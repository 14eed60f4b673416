"""Second stage of a repair: makes the steps that were read a sound workflow, where only one way is open.

Whatever is left broken is told by the linter, and the text is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from autoflow.language.model import Workflow
from autoflow.language.repair.changes import Changes
from autoflow.language.repair.drafts import Drafts
from autoflow.language.repair.flow import (
    mend_branches,
    mend_instructions,
    mend_terminals,
    read_told_branches,
    remove_unreachable,
)
from autoflow.language.repair.names import mend_names, order_by_number
from autoflow.language.repair.targets import mend_targets


def mend(workflow: Workflow, lines: Sequence[int], changes: Changes) -> tuple[Workflow, tuple[int, ...]]:
    """Mends a workflow.

    Args:
        workflow: What the parser read.
        lines: For each step its line in the source text.
        changes: Where each change is told.

    Returns:
        The workflow, sound or not, and for each step its line in the source text.
    """
    drafts = Drafts(workflow, lines, changes)
    # Names before targets, which are told by them; both before branches, of which some then lead to one step.
    for stage in (
        mend_names,
        mend_instructions,
        mend_terminals,
        read_told_branches,
        order_by_number,
        mend_targets,
        mend_branches,
        remove_unreachable,
    ):
        stage(drafts)
    return drafts.workflow(), tuple(step.line for step in drafts.steps)

"""Which step of an execution that scored low a model is shown.

Nobody knows which step was at fault. What is known is where the answer came from: a last step often only
reports what an earlier one has found. So the step that is shown is the last one before the final step that
has any word of the answer in its own; where there is none, the final step itself. Of an execution without an
answer it is the step that it ended in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from autoflow_worker.ports import Step

_CHARS = 2_000
"""Of each text that is kept of a step."""
_WORD = re.compile(r"\w{4,}")
"""Shorter words are in every answer."""


def blamed(steps: Sequence[Step]) -> Step | None:
    """The step to show, its texts cut to what is worth keeping; None where no step is known."""
    if not steps:
        return None
    *earlier, last = steps
    said = _words(last.answer)
    found = next((step for step in reversed(earlier) if said & _words(step.answer)), last)
    return replace(
        found,
        instruction=found.instruction[:_CHARS],
        answer=found.answer[:_CHARS],
        tool_input=found.tool_input[:_CHARS],
        tool_output=found.tool_output[:_CHARS],
    )


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))

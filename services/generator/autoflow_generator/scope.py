"""What of a workflow may change, and what speaks against one that changes something else.

Under a grammar the draw itself keeps to the step. Elsewhere the model is told, and what it writes is compared
with the workflow that it was to change: a step that differs besides is a finding, which the model is shown as
any other. Splicing the step into the old text would be surer, but would hide that the model wrote something
else, and would make a workflow whose parts were never meant to go together.

That *structure* is to change is only asked for, not checked: what counts as another structure, and whether
the asked-for change was worth it, is for whoever executes the workflow to say.
"""

from __future__ import annotations

from autoflow.errors import InvalidArgument
from autoflow.language import Diagnostic, Severity, Workflow, check, step_grammar
from autoflow.llm import Grammar
from autoflow_generator.requests import Attempt, Change

OUT_OF_SCOPE = "out-of-scope"
"""The code of the finding in a workflow that changes more than it was to."""

_MOST_NAMES = 5


class StepScope:
    """One step of a workflow may change.

    Args:
        workflow: which one; it lints without errors.
        step: the name of the step; the workflow has it.
    """

    def __init__(self, workflow: Workflow, step: str) -> None:
        self._workflow = workflow
        self._step = workflow.step(step).name

    @classmethod
    def of(cls, change: Change | None, newest: Attempt) -> StepScope | None:
        """The scope of a request; None where any step may change.

        Args:
            change: what is to change.
            newest: the attempt that is to.

        Raises:
            InvalidArgument: the attempt is not sound, or has no such step.
        """
        if change is None or change.step is None:
            return None
        checked = check(newest.text)
        if not checked.ok or checked.workflow is None:
            raise InvalidArgument(
                "change.step",
                "the newest attempt has errors, so that one step alone cannot be what changes",
                "repair it, or leave out `change`",
            )
        try:
            return cls(checked.workflow, change.step)
        except KeyError:
            names = ", ".join(step.name for step in checked.workflow.steps[:_MOST_NAMES])
            raise InvalidArgument(
                "change.step", f"the newest attempt has no such step; its first are: {names}"
            ) from None

    @property
    def grammar(self) -> Grammar:
        """The grammar of the workflows that keep to it."""
        return Grammar(*step_grammar(self._workflow, self._step))

    def objection(self, workflow: Workflow) -> Diagnostic | None:
        """What speaks against a workflow: the steps that were to stay and did not.

        Args:
            workflow: a sound one.
        """
        before = {step.name: step for step in self._workflow.steps if step.name != self._step}
        after = {step.name: step for step in workflow.steps if step.name != self._step}
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        order = [step.name for step in workflow.steps]
        if not changed and order == [step.name for step in self._workflow.steps]:
            return None
        told = ", ".join(f"'{name}'" for name in changed[:_MOST_NAMES]) or "the order of the steps"
        message = f"Only '{self._step}' was to change, but this did too: {told}."
        fix = "Write everything else exactly as it was."
        return Diagnostic(Severity.ERROR, OUT_OF_SCOPE, 0, 0, message, fix)

"""Executes workflows: checks them, finds their model, bounds how many run at once."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from autoflow.admission import Admission
from autoflow.errors import InvalidArgument
from autoflow.language import Diagnostic, Severity, Workflow, check
from autoflow.llm.catalogue import Catalogue
from autoflow_interpreter.events import Recorded
from autoflow_interpreter.execution import ExecutionRequest, execute

_TOLD_DIAGNOSTICS = 3


class Interpreter:
    """The interpreter service without its wire.

    Args:
        catalogue: where models come from.
        admission: bounds the executions that are under way.
        now_ns: nanoseconds since the Unix epoch, for the events' times.
    """

    def __init__(
        self, catalogue: Catalogue, admission: Admission, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._catalogue = catalogue
        self._admission = admission
        self._now_ns = now_ns

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Recorded, None]:
        """Executes and yields each event as it happens; the last holds `Finished`.

        Raises:
            InvalidArgument: the workflow has lint errors.
            ResourceExhausted: too many executions are under way.
            LanguageModelError: the model is unknown, or a call of it failed.
        """
        workflow = _sound_workflow(request.source)
        with self._admission.enter():
            model = await self._catalogue.get(request.model)
            sequence = 0
            async with aclosing(execute(workflow, request, model)) as events:
                async for event in events:
                    yield Recorded(sequence, self._now_ns(), event)
                    sequence += 1


def _sound_workflow(source: str) -> Workflow:
    checked = check(source)
    if checked.ok and checked.workflow is not None:
        return checked.workflow
    errors = [finding for finding in checked.diagnostics if finding.severity is Severity.ERROR]
    told = "; ".join(_in_words(error) for error in errors[:_TOLD_DIAGNOSTICS])
    more = f"; and {len(errors) - _TOLD_DIAGNOSTICS} more" if len(errors) > _TOLD_DIAGNOSTICS else ""
    raise InvalidArgument(
        "workflow.source", f"the workflow has errors: {told}{more}", fix="LintWorkflow lists every finding"
    )


def _in_words(finding: Diagnostic) -> str:
    place = f"line {finding.line}: " if finding.line else ""
    return f"{place}{finding.message} [{finding.code}]"

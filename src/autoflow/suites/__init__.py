"""Task suites: what a workflow is optimised for and measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from types import MappingProxyType

from autoflow.errors import NotFound
from autoflow.suites import planning
from autoflow.suites.judging import Judge
from autoflow.suites.model import (
    SAMPLES,
    Allowance,
    Content,
    ContentType,
    Sample,
    SampleSource,
    Split,
    Task,
    TaskSuite,
    Tool,
    stratified,
)

__all__ = [
    "SAMPLES",
    "Allowance",
    "Content",
    "ContentType",
    "Judge",
    "Sample",
    "SampleSource",
    "Split",
    "Task",
    "TaskSuite",
    "Tool",
    "load_suite",
    "stratified",
    "suite_names",
    "workflow_text",
]


def _travel() -> TaskSuite:
    # It takes a second to make, and a tenth to import.
    from autoflow.suites.travel import judged_suite, travel_suite

    return judged_suite(travel_suite())


_BUILT_IN: Mapping[str, Callable[[], TaskSuite]] = MappingProxyType(
    {"planning": planning.suite, "travel": _travel}
)


def suite_names() -> tuple[str, ...]:
    """The names of the suites that are built in."""
    return tuple(_BUILT_IN)


def load_suite(name: str) -> TaskSuite:
    """The suite of that name.

    Raises:
        NotFound: there is none; the message names those that exist.
    """
    try:
        build = _BUILT_IN[name]
    except KeyError:
        raise NotFound(f"no suite is named {name!r}; there are: {', '.join(_BUILT_IN)}") from None
    return build()


def workflow_text(name: str) -> str:
    """A hand-written workflow.

    Args:
        name: for the suite `planning` `baseline`, the classic six-step manual, or `expert`, which asks for
            every fact that matters; for the suite `travel` `travel`.

    Raises:
        NotFound: there is none of that name.
    """
    file = resources.files(__package__) / "workflows" / f"{name}.flow"
    if not file.is_file():
        raise NotFound(f"no hand-written workflow is named {name!r}")
    return file.read_text(encoding="utf-8")

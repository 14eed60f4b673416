"""What the trainer knows of a suite: all but its tasks, which are in its artifact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from autoflow.suites import Split, TaskSuite
from autoflow.suites.saving import SuiteHead


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite without its tasks."""

    id: str
    """The last part of `suites/<id>`: a word, or of a created one the hex digits of its digest."""
    head: SuiteHead
    digest: str
    """`sha256:<hex>`; see `autoflow.suites.TaskSuite.digest`."""
    sizes: Mapping[Split, int]
    """Tasks of each split."""
    independent: Mapping[Split, int]
    """The same, where those that share their samples count once."""
    artifact: str = ""
    """Of its folder; empty where it is built in."""
    create_time: datetime | None = None
    """None where it is built in."""
    sequence: int = 0
    """Its place in the order of creation; built-in ones come after all others. 0 before it is stored."""
    openings: int = 0
    """How many runs have opened its test split."""
    judged: bool = False
    """Whether it judges answers itself; only a built-in one can."""

    @classmethod
    def of(cls, suite: TaskSuite, suite_id: str = "") -> Suite:
        """What is known of a loaded suite.

        Args:
            suite: the suite.
            suite_id: its id; empty for that of its digest.
        """
        return cls(
            id=suite_id or suite.digest.removeprefix("sha256:"),
            head=SuiteHead(suite.title, suite.goal, suite.tools),
            digest=suite.digest,
            sizes={split: len(suite.tasks(split)) for split in Split},
            independent={
                split: len({task.data or task.id for task in suite.tasks(split)}) for split in Split
            },
            judged=suite.judge is not None,
        )

    def opened(self, times: int) -> Suite:
        """The same with its openings counted."""
        return replace(self, openings=times)


@dataclass(frozen=True, slots=True)
class SuitePage:
    """Some of all suites."""

    suites: tuple[Suite, ...]
    """The built-in ones first, then the newest."""
    next_page_token: str
    """Empty on the last page."""

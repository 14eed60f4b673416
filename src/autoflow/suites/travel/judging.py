"""The suite `travel` as all suites are seen: tasks with a query, and a judge of their answers."""

from __future__ import annotations

from autoflow.errors import NotFound
from autoflow.suites.judging import Score
from autoflow.suites.model import Allowance, ContentType, Split, Task, TaskSuite, digest_of
from autoflow.suites.travel.answers import write_answer
from autoflow.suites.travel.suite import TravelSuite, TravelTask

ALLOWANCE = Allowance(steps=100, tokens=2_000_000, answer_tokens=2_048)
"""A week takes the hand-written workflow some 45 steps, each of which may see all that the tools have found;
the plan of it has 2,000 characters."""


class TravelJudge:
    """Judges plans of trips.

    Args:
        suite: the tasks, and what their answers are judged by.
    """

    def __init__(self, suite: TravelSuite) -> None:
        self._suite = suite
        self._tasks = {task.id: task for split in Split for task in suite.tasks(split)}

    def score(self, task: Task, answer: str) -> Score:
        """Judges an answer; see `Judge`."""
        try:
            return self._suite.score(self._tasks[task.id], answer)
        except KeyError:
            raise NotFound(f"the suite {self._suite.title!r} has no task {task.id!r}") from None


def judged_suite(suite: TravelSuite) -> TaskSuite:
    """The suite; its queries tell the rules and the form of an answer, too."""
    return TaskSuite(
        title=suite.title,
        goal=suite.goal,
        tools=tuple(tool.tool for tool in suite.tools),
        splits={split: tuple(_task(suite, task) for task in suite.tasks(split)) for split in Split},
        judge=TravelJudge(suite),
        allowance=ALLOWANCE,
    )


def _task(suite: TravelSuite, task: TravelTask) -> Task:
    text = ContentType.TEXT
    judged_by = digest_of([task.digest, suite.database.digest])
    return Task(
        task.id, task.stratum, suite.asked(task), (text,), text, (), judged_by, write_answer(task.reference)
    )

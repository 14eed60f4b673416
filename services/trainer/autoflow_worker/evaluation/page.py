"""The page of an evaluation: one HTML file with the table, and what there is to see of every task.

It needs nothing else: no script, no outside reference, pictures inside. Texts in it came from models, tools
and suites: the template escapes them, and a policy in the page's head forbids browsers to load or run
anything. Tasks on which the workflows did worst come first. The size is bounded: tasks whose samples do not
fit into 18 MiB with those before them are shown without, and beyond 20 MiB no more tasks are shown; the page
says so. Left out: samples beyond the first few, and the ends of long texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median
from types import MappingProxyType

from markupsafe import Markup

from autoflow.methods import Reward
from autoflow.metric_labels import LABELS
from autoflow.suites import Sample, Task, TaskSuite
from autoflow_worker.evaluation.shelf import MeasuredTask, Shelf
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluation.table import WorkflowEvaluation
from autoflow_worker.evaluation.views import FILTERS, Line, SampleView, TaskView, media, outputs
from autoflow_worker.page.template import environment, template

SHOWN_SAMPLES = 2
"""Of a task."""
_FIRST_STRETCH, _LONGEST_STRETCH = 64, 512
"""Tasks whose samples are read together."""
_REWARDED_BY = MappingProxyType(
    {
        Reward.PLAN: "how much plans are like accepted ones",
        Reward.EXECUTED: "what the outputs of plans are worth",
        Reward.JUDGED: "the share of constraints that hold",
    }
)


class Page:
    """Makes one evaluation's page.

    Args:
        spec: what was measured.
        suite: gives inputs and references.
        tasks: in the order in which they were measured.
        measured: what was measured of each; outputs are not needed.
        shelf: gives outputs.
        samples_bytes: bytes of all tasks with samples, at most.
        page_bytes: bytes of all tasks, at most.
    """

    def __init__(
        self,
        spec: EvaluationSpec,
        suite: TaskSuite,
        tasks: Sequence[Task],
        measured: Sequence[MeasuredTask],
        shelf: Shelf,
        *,
        samples_bytes: int = 18 * 2**20,
        page_bytes: int = 20 * 2**20,
    ) -> None:
        self._spec = spec
        self._suite = suite
        self._tasks = tasks
        self._measured = measured
        self._shelf = shelf
        self._samples_bytes = samples_bytes
        self._page_bytes = page_bytes
        made = environment()
        made.globals["label"] = lambda metric: LABELS.get(metric, metric)
        self._template, self._task_template = (
            template(made, __package__, name) for name in ("page.html.j2", "task.html.j2")
        )

    def render(self, workflows: Sequence[WorkflowEvaluation]) -> bytes:
        """The page in UTF-8; takes time, for pictures are read and written."""
        order = sorted(range(len(self._tasks)), key=lambda index: _badness(workflows, index))
        rich = self._with_samples(order) if self._spec.executed else {}
        shown, bare, size = [], 0, 0
        kinds: Counter[str] = Counter()
        for number, index in enumerate(order):
            view = self._view(number, index)
            text = rich.get(number)
            whole = text is not None and size + _size(text) <= self._page_bytes
            if text is None or not whole:
                text = self._text(view)
            size += _size(text)
            if size > self._page_bytes:
                break
            bare += self._spec.executed and not whole
            kinds.update(view.kinds)
            shown.append(text)
        return self._template.render(
            spec=self._spec,
            title=self._suite.title,
            count=len(self._tasks),
            workflows=workflows,
            costs=[(each.name, each.spent) for each in workflows if each.workflow],
            metrics=list(dict.fromkeys(item.metric for each in workflows for item in each.metrics)),
            rewarded_by=_REWARDED_BY[self._spec.reward],
            tasks=shown,
            filters=[(kind, label, kinds[kind]) for kind, label in FILTERS.items() if kinds[kind]],
            bare=bare,
            left_out=len(order) - len(shown),
            shown_samples=SHOWN_SAMPLES,
        ).encode(errors="replace")

    def _with_samples(self, order: Sequence[int]) -> dict[int, Markup]:
        """The tasks whose samples fit, by their places on the page.

        Pictures come from the artifact store a batch at a time, and a batch's tasks lie anywhere on the page.
        So tasks are read in stretches, as many at a time as probably fit.
        """
        found: dict[int, Markup] = {}
        room, start, stretch = self._samples_bytes, 0, _FIRST_STRETCH
        while start < len(order):
            numbers = {index: start + place for place, index in enumerate(order[start : start + stretch])}
            texts = {
                numbers[index]: self._text(self._view(numbers[index], index, measured))
                for index, measured in self._shelf.tasks(numbers)
            }
            for number, text in sorted(texts.items()):
                if _size(text) <= room:
                    found[number] = text
                    room -= _size(text)
            usual = median(map(_size, texts.values()))
            if room < usual:
                break
            start += stretch
            stretch = min(_LONGEST_STRETCH, int(room // usual))
        return found

    def _text(self, view: TaskView) -> Markup:
        # The template escapes.
        return Markup(self._task_template.render(view=view, task=view.task))

    def _view(self, number: int, index: int, opened: MeasuredTask | None = None) -> TaskView:
        """A task; with samples where it is given with its outputs."""
        task, measured = self._tasks[index], self._measured[index]
        samples = self._suite.samples(task, min(self._spec.samples, SHOWN_SAMPLES)) if opened else ()
        return TaskView(
            task=task,
            metric=measured.metric,
            lines=[Line(name, score) for name, score in zip(self._spec.names, measured.scores, strict=True)],
            samples=[self._sample(sample, place, opened or measured) for place, sample in enumerate(samples)],
            number=number,
        )

    def _sample(self, sample: Sample, place: int, measured: MeasuredTask) -> SampleView:
        return SampleView(
            inputs=[media(content) for content in sample.inputs],
            reference=media(sample.reference),
            caption=sample.caption if sample.caption != sample.reference else "",
            outputs=list(outputs(self._spec.names, place, measured)),
        )


def _badness(workflows: Sequence[WorkflowEvaluation], index: int) -> float:
    """Low where the given workflows did badly; what is missing comes last."""
    scores = [workflow.scores[index] for workflow in workflows[:-1]]
    rewards = [score.reward for score in scores if score is not None]
    return fmean(rewards) if rewards else 2.0


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))

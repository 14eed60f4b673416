"""Which metric rewards a task's outputs."""

from __future__ import annotations

from autoflow.suites import ContentType, Sample, Task


def task_metric(task: Task, sample: Sample) -> str:
    """The metric of a task's outputs, by its name at the scorer.

    Args:
        task: the task.
        sample: any of its samples.
    """
    if task.output is ContentType.TEXT:
        return "bertscore"
    return "clip" if sample.caption else "vit"

"""Which metric rewards a task, and what it compares its outputs with."""

from __future__ import annotations

from autoflow.suites import Content, ContentType, Sample, Task

CONSTRAINTS = "constraints"
"""Stands for a metric where a suite's judge rewards."""


def task_metric(task: Task, sample: Sample) -> str:
    """The metric of a task's outputs, by its name at the scorer.

    Args:
        task: the task.
        sample: any of its samples.
    """
    if task.output is ContentType.TEXT:
        return "bertscore"
    return "clip" if isinstance(compared_with(task, sample), str) else "vit"


def compared_with(task: Task, sample: Sample) -> Content:
    """What an output is compared with: of a picture words that tell what it shows, if there are any."""
    if task.output is ContentType.IMAGE and sample.caption:
        return sample.caption
    return sample.reference

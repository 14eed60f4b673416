"""Suites as messages of the contract, and as the stream of requests that creates one.

Messages came over the wire, and were validated before they come here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autoflow.convert import (
    content_from_proto,
    content_to_proto,
    content_type_from_proto,
    content_type_to_proto,
    split_from_proto,
    split_to_proto,
    tool_from_proto,
    tool_to_proto,
)
from autoflow.errors import InvalidArgument
from autoflow.suites import Sample, Split, TaskSuite
from autoflow.suites.saving import MOST_SAMPLES, SuiteHead, TaskHead
from autoflow.v1 import task_pb2
from autoflow.v1.trainer_service_pb2 import CreateSuiteRequest, SuiteEnd


def head_to_proto(head: SuiteHead) -> task_pb2.TaskSuite:
    """A suite without its tasks, as a message."""
    return task_pb2.TaskSuite(title=head.title, goal=head.goal, tools=map(tool_to_proto, head.tools))


def head_from_proto(message: task_pb2.TaskSuite) -> SuiteHead:
    """A suite without its tasks, from its message; what is output only is dropped."""
    return SuiteHead(message.title, message.goal, tuple(map(tool_from_proto, message.tools)))


def task_to_proto(task: TaskHead) -> task_pb2.Task:
    """A task without its samples, as a message."""
    return task_pb2.Task(
        id=task.id,
        split=split_to_proto(task.split),
        stratum=task.stratum,
        query=task.query,
        output=content_type_to_proto(task.output),
        accepted=[task_pb2.Plan(tools=plan) for plan in task.accepted],
    )


def task_from_proto(message: task_pb2.Task) -> TaskHead:
    """A task without its samples, from its message."""
    return TaskHead(
        id=message.id,
        split=split_from_proto(message.split),
        query=message.query,
        output=content_type_from_proto(message.output),
        accepted=tuple(tuple(plan.tools) for plan in message.accepted),
        stratum=message.stratum,
    )


def sample_to_proto(sample: Sample) -> task_pb2.Sample:
    """A sample as a message."""
    return task_pb2.Sample(
        inputs=map(content_to_proto, sample.inputs),
        reference=content_to_proto(sample.reference),
        caption=sample.caption,
    )


def sample_from_proto(message: task_pb2.Sample) -> Sample:
    """A sample from its message."""
    return Sample(
        inputs=tuple(map(content_from_proto, message.inputs)),
        reference=content_from_proto(message.reference),
        caption=message.caption,
    )


@dataclass(frozen=True)
class SuiteRequests(Iterable[CreateSuiteRequest]):
    """The requests that create a suite; it can be gone through more than once.

    The samples of one task are read at a time. Going through it raises InvalidArgument where a task has more
    samples than the contract allows, FailedPrecondition where the suite has no data, and DataLoss where a
    file has changed since the suite was loaded.

    Args:
        suite: the suite.
        samples: so many of each task's samples at most, 1 to 64; None for all. A suite whose samples are made
            on demand has no end of them.
    """

    suite: TaskSuite
    samples: int | None = None

    def __iter__(self) -> Iterator[CreateSuiteRequest]:
        suite = self.suite
        head = SuiteHead(suite.title, suite.goal, suite.tools)
        yield CreateSuiteRequest(suite=head_to_proto(head))
        for split in Split:
            for task in suite.tasks(split):
                yield CreateSuiteRequest(task=task_to_proto(TaskHead.of(task, split)))
                # One more than is allowed tells whether there are too many.
                samples = suite.samples(task, self.samples or MOST_SAMPLES + 1)
                if len(samples) > MOST_SAMPLES:
                    what = f"the task {task.id!r} has more than {MOST_SAMPLES} samples"
                    raise InvalidArgument("samples", what, fix="say how many of each task to take")
                for sample in samples:
                    yield CreateSuiteRequest(sample=sample_to_proto(sample))
        yield CreateSuiteRequest(end=SuiteEnd())

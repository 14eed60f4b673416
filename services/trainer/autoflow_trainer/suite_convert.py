"""Suites and the parts of one in the messages of the contract.

Each part was validated when it was read. The path of a field that breaks a rule is one in its own request;
here it becomes one in the whole suite, such as `task[3].samples[1].inputs[0]`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from google.protobuf.timestamp_pb2 import Timestamp

from autoflow.server.errors import InvalidRequest
from autoflow.suite_messages import head_from_proto, head_to_proto, sample_from_proto, task_from_proto
from autoflow.suites import Split
from autoflow.v1 import task_pb2, trainer_service_pb2
from autoflow_trainer.suites import Suite
from autoflow_trainer.uploads import End, Part


def suite_name(suite_id: str) -> str:
    """`suites/<id>`."""
    return f"suites/{suite_id}"


def suite_id(name: str) -> str:
    """The id in `suites/<id>`, which runs may also give alone."""
    return name.removeprefix("suites/")


def suite_to_proto(suite: Suite) -> task_pb2.TaskSuite:
    """A suite as a message."""
    message = head_to_proto(suite.head)
    message.name = suite_name(suite.id)
    message.digest = suite.digest
    message.train_tasks = suite.sizes[Split.TRAIN]
    message.validation_tasks = suite.sizes[Split.VALIDATION]
    message.test_tasks = suite.sizes[Split.TEST]
    message.test_openings = suite.openings
    message.judged = suite.judged
    if suite.create_time is not None:
        time = Timestamp()
        time.FromDatetime(suite.create_time)
        message.create_time.CopyFrom(time)
    return message


async def parts_from_proto(
    requests: AsyncIterator[trainer_service_pb2.CreateSuiteRequest],
) -> AsyncGenerator[Part, None]:
    """The parts of a suite.

    Raises:
        InvalidRequest: a request breaks a rule of the contract.
    """
    tasks = samples = 0
    try:
        async for request in requests:
            match request.WhichOneof("part"):
                case "suite":
                    yield head_from_proto(request.suite)
                case "task":
                    tasks, samples = tasks + 1, 0
                    yield task_from_proto(request.task)
                case "sample":
                    samples += 1
                    yield sample_from_proto(request.sample)
                case _:
                    yield End()
    except InvalidRequest as error:
        places = {"task": f"task[{tasks}]"}
        if tasks:
            places["sample"] = f"task[{tasks - 1}].samples[{samples}]"
        raise InvalidRequest(
            tuple((_in_the_suite(path, places), words) for path, words in error.violations)
        ) from None


def _in_the_suite(path: str, places: dict[str, str]) -> str:
    part, dot, rest = path.partition(".")
    return places.get(part, part) + dot + rest

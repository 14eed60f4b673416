"""Uploads of suites: whole ones, and now and then one that is not."""

from __future__ import annotations

from google.protobuf.message import Message
from hypothesis import strategies as st

from autoflow.v1 import task_pb2
from autoflow.v1.trainer_service_pb2 import CreateSuiteRequest, SuiteEnd

_TOOL = task_pb2.Tool(
    name="Summarize", inputs=[task_pb2.CONTENT_TYPE_TEXT], output=task_pb2.CONTENT_TYPE_TEXT
)
_SPLITS = (task_pb2.SPLIT_TRAIN, task_pb2.SPLIT_VALIDATION, task_pb2.SPLIT_TEST)


@st.composite
def uploads(draw: st.DrawFn) -> list[Message]:
    """A suite of some tasks; now and then without one of its parts, or with two in each other's place."""
    head = task_pb2.TaskSuite(title=draw(_texts(80)), goal=draw(_texts(500)), tools=[_TOOL])
    parts: list[Message] = [CreateSuiteRequest(suite=head)]
    for place, split in enumerate(draw(st.lists(st.sampled_from(_SPLITS), min_size=1, max_size=4))):
        parts.append(CreateSuiteRequest(task=_task(place, split)))
        for number in range(draw(st.integers(1, 3))):
            parts.append(CreateSuiteRequest(sample=_sample(f"{place} {number} {draw(st.text(max_size=20))}")))
    parts.append(CreateSuiteRequest(end=SuiteEnd()))
    order = draw(st.sampled_from(["right"] * 7 + ["cut", "turned"]))
    return {"right": parts, "cut": parts[:-1], "turned": [*parts[1:], parts[0]]}[order]


def _texts(most: int) -> st.SearchStrategy[str]:
    return st.text(min_size=1, max_size=min(most, 40)).filter(str.strip)


def _task(place: int, split: task_pb2.Split.ValueType) -> task_pb2.Task:
    return task_pb2.Task(
        id=f"task {place}",
        split=split,
        query=f"Shorten text {place}.",
        output=task_pb2.CONTENT_TYPE_TEXT,
        accepted=[task_pb2.Plan(tools=[_TOOL.name])],
    )


def _sample(text: str) -> task_pb2.Sample:
    return task_pb2.Sample(inputs=[task_pb2.Content(text=text)], reference=task_pb2.Content(text="short"))

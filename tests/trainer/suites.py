"""A small suite of one's own, and the requests that create it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image

from autoflow.suite_messages import head_from_proto, sample_from_proto, task_from_proto
from autoflow.suites.saving import SuiteWriter
from autoflow.v1 import task_pb2
from autoflow.v1.trainer_service_pb2 import CreateSuiteRequest, SuiteEnd

TEXT, IMAGE = task_pb2.CONTENT_TYPE_TEXT, task_pb2.CONTENT_TYPE_IMAGE
SPLITS = (task_pb2.SPLIT_TRAIN, task_pb2.SPLIT_VALIDATION, task_pb2.SPLIT_TEST)
TOOLS = (
    task_pb2.Tool(name="Sentiment Analysis", inputs=[TEXT], output=TEXT),
    task_pb2.Tool(name="Image Captioning", inputs=[IMAGE], output=TEXT),
)


def picture(number: int) -> bytes:
    """A small picture; each number another one."""
    buffer = BytesIO()
    Image.new("RGB", (8, 8), (number % 256, number // 256, 40)).save(buffer, "PNG")
    return buffer.getvalue()


def parts(title: str = "small") -> list[CreateSuiteRequest]:
    """A suite of two tasks in each split: one with two texts, one with a picture."""
    head = task_pb2.TaskSuite(title=title, goal="Plan.", tools=TOOLS)
    return [CreateSuiteRequest(suite=head), *_tasks(), CreateSuiteRequest(end=SuiteEnd())]


def folder(root: Path) -> Path:
    """The same suite as a folder."""
    root.mkdir()
    writer = SuiteWriter(root)
    for part in parts():
        match part.WhichOneof("part"):
            case "suite":
                writer.add_head(head_from_proto(part.suite))
            case "task":
                writer.add_task(task_from_proto(part.task))
            case "sample":
                writer.add_sample(sample_from_proto(part.sample))
    writer.close()
    return root


def changed(
    *changes: tuple[int, Callable[[CreateSuiteRequest], object]], drop: tuple[int, ...] = ()
) -> list[CreateSuiteRequest]:
    """The parts after changes to some, by their places, and without others."""
    whole = parts()
    for place, change in changes:
        change(whole[place])
    return [part for place, part in enumerate(whole) if place not in drop]


def _tasks() -> Iterator[CreateSuiteRequest]:
    for number, split in enumerate(SPLITS):
        yield _task(f"mood-{number}", split, f"Tell the mood of text {number}.", "Sentiment Analysis")
        for text in (f"A fine day, number {number}.", f"A sad day, number {number}."):
            yield _sample(task_pb2.Content(text=text), "positive" if "fine" in text else "negative")
        yield _task(f"caption-{number}", split, f"Describe picture {number}.", "Image Captioning")
        yield _sample(task_pb2.Content(image=picture(number)), "a colour")


def _task(name: str, split: task_pb2.Split.ValueType, query: str, tool: str) -> CreateSuiteRequest:
    task = task_pb2.Task(
        id=name, split=split, query=query, output=TEXT, accepted=[task_pb2.Plan(tools=[tool])]
    )
    return CreateSuiteRequest(task=task)


def _sample(content: task_pb2.Content, reference: str) -> CreateSuiteRequest:
    sample = task_pb2.Sample(inputs=[content], reference=task_pb2.Content(text=reference))
    return CreateSuiteRequest(sample=sample)

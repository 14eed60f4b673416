"""What is written part by part is read back as it was, whatever it says."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.errors import InvalidArgument
from autoflow.suite_messages import (
    head_from_proto,
    head_to_proto,
    sample_from_proto,
    sample_to_proto,
    task_from_proto,
    task_to_proto,
)
from autoflow.suites import Content, ContentType, Sample, Split, Tool
from autoflow.suites.loading import load_own
from autoflow.suites.saving import SuiteHead, SuiteWriter, TaskHead
from tests.suites.openagi_folder import jpeg

PICTURES = tuple(jpeg(str(number)) for number in range(3))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)
LOOK, READ = "Look", "Read"
TOOLS = (
    Tool(LOOK, "", (ContentType.IMAGE,), ContentType.TEXT),
    Tool(READ, "reads", (ContentType.TEXT,), ContentType.TEXT, idempotent=True),
)


@st.composite
def tasks(draw: st.DrawFn) -> tuple[TaskHead, list[Sample]]:
    """A task of the train split on pictures or texts."""
    contents: st.SearchStrategy[Content] = draw(st.sampled_from([TEXTS, st.sampled_from(PICTURES)]))
    samples = draw(st.lists(st.builds(Sample, st.tuples(contents), TEXTS, TEXTS), min_size=1, max_size=3))
    tool = READ if isinstance(samples[0].inputs[0], str) else LOOK
    accepted = ((tool,), *draw(st.lists(st.just((tool, READ)), max_size=2)))
    head = TaskHead(
        draw(WORDS), Split.TRAIN, draw(WORDS), ContentType.TEXT, accepted, draw(st.just("") | WORDS)
    )
    return head, samples


def saved(root: Path, head: SuiteHead, parts: Sequence[tuple[TaskHead, Sequence[Sample]]]) -> SuiteWriter:
    writer = SuiteWriter(root)
    writer.add_head(head)
    for task, samples in parts:
        writer.add_task(task)
        for sample in samples:
            writer.add_sample(sample)
    writer.close()
    return writer


@given(
    st.builds(SuiteHead, WORDS, WORDS, st.just(TOOLS)),
    st.lists(tasks(), min_size=1, max_size=4, unique_by=lambda task: task[0].id),
)
def test_a_suite_is_read_back_as_it_was_saved(
    head: SuiteHead, parts: Sequence[tuple[TaskHead, Sequence[Sample]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = saved(Path(folder), head, parts)
        suite = load_own(Path(folder))
        files = list(Path(folder).rglob("*.jsonl"))
        assert writer.text_bytes == sum(file.stat().st_size for file in files)
        assert (suite.title, suite.goal, suite.tools) == (head.title, head.goal, head.tools)
        found = suite.tasks(Split.TRAIN)
        assert [(task.id, task.query, task.output, task.accepted) for task in found] == [
            (task.id, task.query, task.output, task.accepted) for task, _ in parts
        ]
        assert [task.stratum for task in found] == [task.stratum or "all" for task, _ in parts]
        assert [list(suite.samples(task)) for task in found] == [samples for _, samples in parts]


@given(st.builds(SuiteHead, WORDS, WORDS, st.just(TOOLS)), tasks())
def test_parts_are_the_same_after_a_journey(head: SuiteHead, part: tuple[TaskHead, Sequence[Sample]]) -> None:
    task, samples = part
    assert head_from_proto(head_to_proto(head)) == head
    assert task_from_proto(task_to_proto(task)) == task
    assert [sample_from_proto(sample_to_proto(sample)) for sample in samples] == samples


def test_a_picture_that_several_samples_share_is_written_once(tmp_path: Path) -> None:
    task = TaskHead("a", Split.TRAIN, "Look.", ContentType.TEXT, ((LOOK,),))
    samples = [Sample((PICTURES[0],), "one"), Sample((PICTURES[0],), "two"), Sample((PICTURES[1],), "three")]
    writer = saved(tmp_path, SuiteHead("t", "g", TOOLS), [(task, samples)])
    assert len(list((tmp_path / "media").iterdir())) == 2
    assert writer.media_bytes == len(PICTURES[0]) + len(PICTURES[1])


def test_what_a_plan_may_not_name_is_not_dropped_but_refused(tmp_path: Path) -> None:
    called = Tool("Add", "adds", (ContentType.TEXT,), ContentType.TEXT, '{"type": "object"}')
    task = TaskHead("a", Split.TRAIN, "Look.", ContentType.TEXT, ((LOOK,),))
    saved(tmp_path, SuiteHead("t", "g", (*TOOLS, called)), [(task, [Sample((PICTURES[0],), "one")])])
    with pytest.raises(InvalidArgument, match="plans may not name a tool with arguments"):
        load_own(tmp_path)

"""Planted phrases are found, and what workflows say by themselves is not flagged."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoflow.suites import ContentType, Split, Task, TaskSuite, Tool, load_suite, suite_names, workflow_text
from autoflow_worker.leaks import Leak, Leaks, Part

ROOT = Path(__file__).resolve().parents[2]
FLOWS = sorted((ROOT / "benchmarks" / "flows").glob("*.flow"))


@cache
def leaks_of(name: str) -> Leaks:
    """Leaks of a built-in suite."""
    return Leaks(load_suite(name))


@cache
def tasks_of(name: str) -> tuple[Task, ...]:
    """All tasks of a built-in suite."""
    suite = load_suite(name)
    return tuple(task for split in Split for task in suite.tasks(split))


def judged(*tasks: tuple[str, str]) -> Leaks:
    """Leaks of a suite of queries and answers, all for training."""
    made = tuple(
        Task(f"t{index}", "all", query, (ContentType.TEXT,), ContentType.TEXT, ((answer,),))
        for index, (query, answer) in enumerate(tasks)
    )
    tools = (Tool("Look Up", "finds the article that fits a question best of all", (), ContentType.TEXT),)
    splits = {Split.TRAIN: made, Split.VALIDATION: (), Split.TEST: ()}
    return Leaks(TaskSuite("leaks", "Answer the question in one word.", tools, splits))


def planted(text: str) -> str:
    """A workflow that holds a text in an instruction."""
    return f"Step 1:::process:::Read the task.:::next::Step 2\nStep 2:::terminal:::{text}"


@pytest.mark.parametrize("name", suite_names())
@settings(max_examples=5)
@given(data=st.data())
def test_a_planted_query_is_found(name: str, data: st.DataObject) -> None:
    task = data.draw(st.sampled_from(tasks_of(name)))
    before, after = data.draw(st.tuples(st.text(max_size=20), st.text(max_size=20)))
    query = data.draw(st.sampled_from([task.query, task.query.upper(), task.query.replace(" ", "\n")]))
    found = leaks_of(name).find(planted(f"{before} {query} {after}"))
    assert any(task.id in leak.tasks and leak.part is Part.QUERY for leak in found)


@pytest.mark.parametrize("name", suite_names())
@settings(max_examples=5)
@given(data=st.data())
def test_a_planted_reference_is_found(name: str, data: st.DataObject) -> None:
    # A plan of one tool is that tool's name, which every workflow may have.
    tasks = [task for task in tasks_of(name) if not task.accepted or len(task.accepted[0]) > 1]
    task = data.draw(st.sampled_from(tasks))
    found = leaks_of(name).find(planted(f"Always answer: {task.reference}."))
    assert any(task.id in leak.tasks and leak.part is Part.REFERENCE for leak in found)


@pytest.mark.parametrize("name", suite_names())
def test_hand_written_workflows_leak_nothing(name: str) -> None:
    texts = [workflow_text(each) for each in ("baseline", "expert", "travel")]
    texts += [path.read_text(encoding="utf-8") for path in FLOWS]
    assert len(texts) > 8
    assert [leak for text in texts for leak in leaks_of(name).find(text)] == []


def test_the_longest_phrase_is_told_once_with_its_tasks() -> None:
    shared = "which river flows through the old town of"
    others = [("Who was first?", "Abel"), ("Who was second?", "Cain")]
    leaks = judged((f"{shared} Marburg", "Lahn"), (f"{shared} Bremen", "Weser"), *others)
    (leak,) = leaks.find(planted("Ask: Which river flows through the OLD town, of Marburg?"))
    assert leak == Leak(f"{shared} marburg", Part.QUERY, ("t0",))
    assert leak.sentence == f"the text has “{shared} marburg” from the query of t0"


def test_what_most_tasks_share_is_no_leak() -> None:
    shared = "which river flows through the old town of"
    leaks = judged((f"{shared} Marburg", "Lahn"), (f"{shared} Bremen", "Weser"), ("Who was first?", "Abel"))
    assert leaks.find(planted(f"{shared} Kiel")) == ()


def test_what_half_of_the_tasks_share_is_flagged_with_all_of_them() -> None:
    shared = "which river flows through the old town of"
    others = [(f"Question {word}?", word) for word in ("one", "two", "three")]
    leaks = judged((f"{shared} Marburg", "Lahn"), (f"{shared} Bremen", "Weser"), *others)
    assert [leak.tasks for leak in leaks.find(planted(f"{shared} Kiel"))] == [("t0", "t1")]


def test_five_words_of_a_long_query_are_no_leak_and_six_are() -> None:
    leaks = judged(("one two three four five six seven", "none"), ("else", "none"))
    assert leaks.find("two three four five six") == ()
    assert [leak.phrase for leak in leaks.find("two three four five six seven")] == [
        "two three four five six seven"
    ]


def test_the_whole_of_a_short_answer_needs_three_distinctive_words() -> None:
    leaks = judged(("a?", "red blue green"), ("b?", "red blue, red blue"), ("c?", "Answer red blue"))
    assert [leak.tasks for leak in leaks.find("say Red, blue and green; or: red, blue, green")] == [("t0",)]
    assert leaks.find("red blue red blue") == ()
    # The goal has the word `answer`.
    assert leaks.find("Answer red blue") == ()


def test_what_goal_and_tools_say_is_no_leak() -> None:
    known = "finds the article that fits a question best of all"
    leaks = judged((f"What {known}?", "none"), ("Say it: answer the question in one word now", "none"))
    assert leaks.find(planted(f"Use the tool that {known}.")) == ()
    assert leaks.find(planted("Answer the question in one word.")) == ()


def test_the_one_task_of_a_suite_shares_with_nobody() -> None:
    assert judged(("one two three four five six", "none")).find("one two three four five six") != ()

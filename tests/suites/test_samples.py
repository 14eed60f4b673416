"""The data of the built-in suite: always the same, of the task's types, and never shared by two splits."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from PIL import Image

from autoflow.errors import FailedPrecondition, NotFound
from autoflow.suites import Content, ContentType, Sample, Split, Task, TaskSuite, load_suite
from autoflow.suites.planning import Combination, Fault, Source, Wanted, all_combinations
from autoflow.suites.samples import PlanningSamples
from autoflow.suites.samples.allotment import split_of
from autoflow.suites.samples.pictures import scene_for, stands_out
from autoflow.suites.samples.texts import text_for
from autoflow.suites.scenes import Purpose, draw

SUITE = load_suite("planning")
COMBINATIONS = {combination.id: combination for combination in all_combinations()}

_PINNED = "f3e071d08d43456e"


def every_task() -> Iterator[tuple[Split, Task, Combination]]:
    for split in Split:
        for task in SUITE.tasks(split):
            yield split, task, COMBINATIONS[task.id.rpartition("/")[0]]


def one_of_each() -> list[tuple[Task, Combination]]:
    """One task for each kind of input with and without faults, wanted result and language."""
    found = {(c.source, bool(c.faults), c.wanted, c.language): (task, c) for _, task, c in every_task()}
    assert len(found) > 30
    return list(found.values())


def picture(content: Content) -> Image.Image:
    assert isinstance(content, bytes)
    return Image.open(io.BytesIO(content))


def types(contents: tuple[Content, ...]) -> tuple[ContentType, ...]:
    return tuple(ContentType.TEXT if isinstance(one, str) else ContentType.IMAGE for one in contents)


def shows(task: Task, combination: Combination, split: Split, number: int) -> str:
    """What words can say of a sample before any fault."""
    if combination.wanted is Wanted.NEW_IMAGE or combination.source.startswith("image"):
        return scene_for(split, task.id, number).description
    return text_for(split, task.id, number).english


@pytest.mark.parametrize(("task", "combination"), one_of_each(), ids=lambda one: getattr(one, "id", ""))
def test_samples_are_of_the_task_s_types(task: Task, combination: Combination) -> None:
    for sample in SUITE.samples(task, 2):
        assert types(sample.inputs) == task.inputs
        assert types((sample.reference,)) == (task.output,)
        assert all(len(one) <= 1 << 20 for one in (*sample.inputs, sample.reference))
        assert bool(sample.caption) == (combination.wanted is Wanted.NEW_IMAGE)
        assert sample.inputs[0] != sample.reference


def test_no_content_is_seen_in_two_splits() -> None:
    told: dict[Split, set[str]] = {split: set() for split in Split}
    for split, task, combination in every_task():
        for number in range(2):
            content = shows(task, combination, split, number)
            assert split_of(content) is split
            told[split].add(content)
    assert all(len(told[split]) > 1.9 * len(SUITE.tasks(split)) for split in Split)
    assert not told[Split.TRAIN] & told[Split.VALIDATION]
    assert not told[Split.TRAIN] & told[Split.TEST]
    assert not told[Split.VALIDATION] & told[Split.TEST]


def test_no_input_is_seen_in_two_splits_either() -> None:
    seen: dict[Content, Split] = {}
    for split in Split:
        for task in SUITE.tasks(split)[::16]:
            for sample in SUITE.samples(task, 3):
                assert seen.setdefault(sample.inputs[0], split) is split
    assert len(seen) == 93


def test_scenes_are_none_of_those_that_the_towers_learned_from() -> None:
    for split, task, _ in list(every_task())[::40]:
        assert scene_for(split, task.id, 0).purpose is Purpose.SUITE


def test_samples_start_alike_whatever_their_number_and_are_those_of_every_wording() -> None:
    first, reworded, *_ = tasks = SUITE.tasks(Split.TRAIN)
    other = next(task for task in tasks if task.accepted != first.accepted)
    assert SUITE.samples(first, 4)[:2] == SUITE.samples(first, 2)
    assert (first.data, SUITE.samples(first, 4)) == (reworded.data, SUITE.samples(reworded, 4))
    assert first.query != reworded.query
    assert first.data != other.data
    assert len({sample.inputs for sample in (*SUITE.samples(first, 4), *SUITE.samples(other, 4))}) == 8


def test_faults_are_in_the_pictures() -> None:
    for task, combination in one_of_each():
        if combination.source not in (Source.IMAGE, Source.IMAGE_AND_QUESTION):
            continue
        given = picture(SUITE.samples(task, 1)[0].inputs[0])
        low = Fault.LOW_RESOLUTION in combination.faults
        assert given.size == ((64, 64) if low else (128, 128))
        if Fault.GRAYSCALE in combination.faults and Fault.NOISE not in combination.faults:
            assert all(red == green == blue for red, green, blue in given.get_flattened_data())  # type: ignore[misc]


def test_things_in_grey_pictures_stand_out() -> None:
    mending = [
        task
        for task, combination in one_of_each()
        if combination.wanted is Wanted.RESTORED_IMAGE and Fault.GRAYSCALE in combination.faults
    ]
    assert mending
    for task in mending:
        clean = picture(SUITE.samples(task, 1)[0].reference)
        split = next(split for split in Split if task in SUITE.tasks(split))
        first = scene_for(split, task.id.rpartition("/")[0], 0)
        assert stands_out(first, draw(first)) is (draw(first).tobytes() == clean.tobytes())


def test_a_restored_picture_is_that_of_the_scene() -> None:
    task = next(t for _, t, c in every_task() if c.wanted is Wanted.RESTORED_IMAGE)
    (sample,) = SUITE.samples(task, 1)
    assert picture(sample.reference).size == (128, 128)
    assert picture(sample.reference).tobytes() != picture(sample.inputs[0]).tobytes()


def test_no_question_about_a_picture_can_be_guessed_or_is_answered_alike_in_german() -> None:
    answers = {"English": set[Content](), "German": set[Content]()}
    for _, task, combination in every_task():
        if combination.wanted is Wanted.ANSWER and combination.language and task.id.endswith("/1"):
            answers[combination.language] |= {sample.reference for sample in SUITE.samples(task, 1)}
    assert all(len(told) > 10 for told in answers.values())
    assert not answers["English"] & answers["German"]
    assert not (answers["English"] | answers["German"]) & {"yes", "no", "nothing", "ja", "nein", "nichts"}


def test_a_cache_of_one_gives_the_same() -> None:
    small = PlanningSamples(kept=1)
    for task in SUITE.tasks(Split.VALIDATION)[::20]:
        assert small(task, 2) == SUITE.samples(task, 2) == small(task, 2)


def test_another_process_makes_the_same_and_whoever_changes_that_raises_the_version() -> None:
    code = """
import hashlib, io
from PIL import Image
from autoflow.suites import Split, load_suite
suite = load_suite("planning")
digest = hashlib.sha256()
for split in Split:
    for task in suite.tasks(split)[::30]:
        for sample in suite.samples(task, 1):
            for content in (*sample.inputs, sample.reference):
                # Pixels, for their compression is the library's.
                if isinstance(content, str):
                    content = content.encode()
                else:
                    content = Image.open(io.BytesIO(content)).tobytes()
                digest.update(content)
print(digest.hexdigest())
"""
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_the_version_of_the_data_stands_for_its_texts() -> None:
    """Where this fails, the samples have changed: raise `_DATA` in planning.py and pin the new digest."""
    told = [shows(task, combination, split, 0) for split, task, combination in every_task()][::7]
    written = [
        sample
        for task, c in one_of_each()
        if c.source in (Source.TEXT, Source.TEXT_AND_QUESTION)
        for sample in SUITE.samples(task, 2)
    ]
    # Of a picture its caption, for its bytes depend on Pillow.
    content = json.dumps([told, [[*one.inputs, one.caption or one.reference] for one in written]])
    assert SUITE.tasks(Split.TRAIN)[0].data.startswith("planning 3 ")
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == _PINNED


def test_the_name_of_the_data_is_part_of_a_task_s_digest() -> None:
    task = SUITE.tasks(Split.TRAIN)[0]
    same = Task(task.id, task.stratum, task.query, task.inputs, task.output, task.accepted, task.data)
    other = Task(task.id, task.stratum, task.query, task.inputs, task.output, task.accepted, "other")
    assert same.digest == task.digest != other.digest


def test_what_has_no_data_says_so() -> None:
    task = SUITE.tasks(Split.TRAIN)[0]
    bare = TaskSuite("bare", "", SUITE.tools, dict.fromkeys(Split, ()))
    with pytest.raises(FailedPrecondition, match="'bare' has no data"):
        bare.samples(task)
    stranger = Task("cook.eggs/1", "", "", task.inputs, task.output, task.accepted)
    with pytest.raises(NotFound, match="cook"):
        SUITE.samples(stranger)


def test_a_sample_is_compared_by_its_content() -> None:
    assert Sample(("a",), "b") == Sample(("a",), "b") != Sample(("a",), "c")

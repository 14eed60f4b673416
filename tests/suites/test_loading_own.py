"""Suites of one's own: what is right is loaded, what is wrong is told with its line."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoflow.errors import DataLoss, InvalidArgument, NotFound
from autoflow.suites import ContentType, Split, Task, TaskSuite
from autoflow.suites.loading import Limits, load_own
from autoflow.suites.loading.files import Folder, natural
from autoflow.suites.planning import TOOLS
from tests.exhausted import no_more_files
from tests.suites.openagi_folder import jpeg

HEAD = {"title": "mine", "goal": "Plan well."}
Json = dict[str, Any]


def task(number: int, split: str = "train", **changes: Any) -> Json:
    return {
        "id": f"task {number}",
        "split": split,
        "query": f"Describe picture {number}.",
        "plans": [["Image Captioning"]],
        "samples": [{"inputs": [{"image": f"media/{number}.jpg"}], "reference": f"picture {number}"}],
    } | changes


def text_task(number: int, split: str, text: str) -> Json:
    samples = [{"inputs": [text], "reference": "positive"}]
    return task(number, split, plans=[["Sentiment Analysis"]], samples=samples)


class Own:
    """A folder with a suite."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "media").mkdir(parents=True)
        for number in range(4):
            (root / "media" / f"{number}.jpg").write_bytes(jpeg(f"own {number}"))

    def load(self, *tasks: Json, head: Json | None = None, limits: Limits | None = None) -> TaskSuite:
        (self.root / "suite.json").write_text(json.dumps(HEAD if head is None else head))
        (self.root / "tasks.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in tasks))
        return load_own(self.root, limits)


@pytest.fixture
def own(tmp_path: Path) -> Own:
    return Own(tmp_path / "suite")


def test_a_suite_is_loaded_with_its_samples(own: Own) -> None:
    suite = own.load(task(0), task(1, "validation", stratum="hard"), task(2, "test"))
    assert (suite.title, suite.goal, suite.tools) == ("mine", "Plan well.", TOOLS)
    (first,) = suite.tasks(Split.TRAIN)
    assert (first.inputs, first.output, first.stratum) == ((ContentType.IMAGE,), ContentType.TEXT, "all")
    assert suite.tasks(Split.VALIDATION)[0].stratum == "hard"
    (sample,) = suite.samples(first)
    assert (sample.inputs, sample.reference) == ((jpeg("own 0"),), "picture 0")
    with pytest.raises(NotFound, match="'other'"):
        suite.samples(Task("other", "", "", (), first.output, ()))


def test_the_digest_is_of_the_samples_too(own: Own) -> None:
    suite = own.load(task(0))
    assert suite.digest == own.load(task(0)).digest
    changed = task(0)
    changed["samples"][0]["reference"] = "something else"
    assert own.load(changed).digest != suite.digest
    (own.root / "media" / "0.jpg").write_bytes(jpeg("repainted"))
    assert own.load(task(0)).digest != suite.digest
    with pytest.raises(DataLoss, match=r"media/0\.jpg: it has changed"):
        suite.samples(suite.tasks(Split.TRAIN)[0])


def test_tools_of_one_s_own_take_the_place_of_the_built_in_ones(own: Own) -> None:
    tool = {"name": "Counter", "inputs": ["image"], "output": "text"}
    suite = own.load(task(0, plans=[["Counter"]]), head=HEAD | {"tools": [tool]})
    assert [(one.name, one.description) for one in suite.tools] == [("Counter", "")]
    with pytest.raises(InvalidArgument, match="'Image Captioning', which is no tool"):
        own.load(task(0), head=HEAD | {"tools": [tool]})


def test_a_wanted_picture_may_be_told_in_words(own: Own) -> None:
    drawn = {"inputs": ["A ball."], "reference": "A ball.", "caption": "A red ball."}
    suite = own.load(task(0, plans=[["Text to Image Generation"]], output="image", samples=[drawn]))
    (first,) = suite.tasks(Split.TRAIN)
    assert first.output is ContentType.IMAGE
    assert suite.samples(first)[0].caption == "A red ball."


def test_samples_of_a_task_are_scored_by_one_metric(own: Own) -> None:
    captioned = {"inputs": ["A ball."], "reference": {"image": "media/0.jpg"}, "caption": "A red ball."}
    plain = {"inputs": ["A hat."], "reference": {"image": "media/1.jpg"}}
    changes: Json = {"plans": [["Text to Image Generation"]], "output": "image"}
    with pytest.raises(InvalidArgument, match=r"line 1, sample 1: it has no caption, other than sample 0"):
        own.load(task(0, **changes, samples=[captioned, plain]))
    with pytest.raises(InvalidArgument, match=r"line 1, sample 2: it has a caption, other than sample 0"):
        own.load(task(0, **changes, samples=[plain, plain, captioned]))
    # Where a text is wanted, captions tell nothing.
    told = [SAMPLE, SAMPLE | {"caption": "A red ball."}]
    assert len(own.load(task(0, samples=told)).tasks(Split.TRAIN)) == 1


def test_a_tool_of_one_s_own_may_be_called_again(own: Own) -> None:
    tool = {"name": "Counter", "inputs": ["image"], "output": "text"}
    plans = [["Counter"]]
    suites = [
        own.load(task(0, plans=plans), head=HEAD | {"tools": [tool | safe]})
        for safe in ({}, {"idempotent": False}, {"idempotent": True})
    ]
    assert [suite.tools[0].idempotent for suite in suites] == [False, False, True]
    assert suites[0].digest == suites[1].digest != suites[2].digest


SAMPLE = {"inputs": [{"image": "media/0.jpg"}], "reference": "x"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "exam"}, "line 1: 'split' must be one of train, validation, test, not \"exam\""),
        ({"id": ""}, "line 1: 'id' must not be empty"),
        ({"id": 7}, "line 1, 'id': here must be a text, not 7"),
        ({"query": "x" * 10_001}, "a text has 10001 characters, but at most 10000"),
        ({"query": "half \ud800"}, "half of a surrogate pair"),
        ({"hint": "none"}, "line 1: there is no field 'hint'"),
        ({"samples": []}, "'samples' must be a list of 1 to"),
        ({"samples": "x"}, "'samples' must be a list of 1 to"),
        ({"samples": [7]}, "line 1, sample 0: here must be an object, not 7"),
        ({"samples": [{"inputs": ["x"]}]}, "line 1, sample 0: the field 'reference' is missing"),
        ({"samples": [SAMPLE | {"inputs": ["x"] * 5}]}, "'inputs' must be a list of 1 to 4"),
        ({"samples": [SAMPLE | {"reference": None}]}, "here must be an object, not null"),
        (
            {"samples": [SAMPLE | {"reference": {"image": "media/9.jpg"}}]},
            "sample 0: media/9.jpg: it is not in the suite's folder",
        ),
        (
            {"samples": [SAMPLE, {"inputs": ["x"], "reference": "x"}]},
            "sample 1: its inputs are of other types",
        ),
        (
            {"samples": [SAMPLE | {"reference": {"image": "media/1.jpg"}}], "output": "text"},
            "of the wrong type",
        ),
        ({"plans": []}, "'plans' must be a list of 1 to 256"),
        ({"plans": [[]]}, "a plan must be a list of 1 to 64"),
        ({"plans": ["Image Captioning"]}, "a plan must be a list of 1 to 64"),
        ({"plans": [["Cooking"]]}, "a plan names 'Cooking', which is no tool"),
        ({"plans": [["Colorization"]]}, "the plan Colorization does not lead from the inputs to the output"),
    ],
)
def test_what_is_wrong_with_a_task_is_told_with_its_line(own: Own, changes: Json, message: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        own.load(task(0, **changes))
    assert refused.value.message.startswith("tasks.jsonl, line 1")
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ({}, "suite.json: the field 'title' is missing"),
        (HEAD | {"goal": " "}, "suite.json: 'goal' must not be empty"),
        (HEAD | {"version": 2}, "suite.json: there is no field 'version'"),
        (HEAD | {"tools": [{"name": "A, B", "inputs": ["text"], "output": "text"}]}, "neither commas"),
        (
            HEAD | {"tools": [{"name": "A", "inputs": ["sound"], "output": "text"}]},
            "'inputs' must be one of image, text",
        ),
        (
            HEAD | {"tools": [{"name": "A", "inputs": ["text"], "output": "text", "idempotent": "yes"}]},
            "'idempotent' must be true or false, not \"yes\"",
        ),
        (
            HEAD | {"tools": [{"name": "A", "inputs": ["text"], "output": "text", "arguments_schema": "{}"}]},
            "plans may not name a tool with arguments",
        ),
        (
            HEAD | {"tools": [{"name": name, "inputs": ["text"], "output": "text"} for name in "aA"]},
            "the same name",
        ),
    ],
)
def test_what_is_wrong_with_the_suite_is_told(own: Own, head: Json, message: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        own.load(task(0), head=head)
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "tasks.jsonl: it must hold 1 to 10000 tasks, not 0"),
        ("\n\n{", "tasks.jsonl, line 3: it is no JSON: "),
        ("[]", "tasks.jsonl, line 1: here must be an object, not []"),
        ('{"id": "a", "id": "b"}', "tasks.jsonl, line 1: the field 'id' is there twice"),
        ("[" * 100_000, "tasks.jsonl, line 1: its JSON is too long or too deep"),
        ("9" * 10_000, "tasks.jsonl, line 1: its JSON is too long or too deep"),
    ],
)
def test_lines_that_are_no_tasks_are_told(own: Own, lines: str, message: str) -> None:
    (own.root / "suite.json").write_text(json.dumps(HEAD))
    (own.root / "tasks.jsonl").write_text(lines)
    with pytest.raises(InvalidArgument) as refused:
        load_own(own.root)
    assert refused.value.message.startswith(message)


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"^the suite's folder: it cannot be read: No such file"):
        load_own(tmp_path / "nowhere")
    with pytest.raises(InvalidArgument, match=r"^suite\.json: it is not in the suite's folder"):
        load_own(tmp_path)


def test_splits_that_share_a_picture_are_refused(own: Own) -> None:
    shared = task(1, "test")
    (own.root / "media" / "copy.jpg").write_bytes(jpeg("own 0"))
    shared["samples"][0]["inputs"] = [{"image": "media/copy.jpg"}]
    with pytest.raises(
        InvalidArgument, match=r"line 2, sample 0: its content \(test\) is also that of .*, line 1"
    ):
        own.load(task(0), shared)
    assert len(own.load(task(0), shared | {"split": "train"}).tasks(Split.TRAIN)) == 2


def test_splits_that_share_a_wanted_picture_or_a_text_are_refused(own: Own) -> None:
    pictured = {"inputs": ["one text"], "reference": {"image": "media/0.jpg"}}
    draw = task(1, "validation", plans=[["Text to Image Generation"]], samples=[pictured])
    with pytest.raises(InvalidArgument, match=r"its content \(validation\)"):
        own.load(task(0), draw)
    with pytest.raises(InvalidArgument, match=r"its content \(test\)"):
        own.load(text_task(1, "train", "It was so good."), text_task(2, "test", "It was so good."))


def test_splits_that_share_a_question_are_not(own: Own) -> None:
    tasks = [task(number, split) for number, split in enumerate(("train", "test"))]
    for one in tasks:
        one["samples"][0]["inputs"].append("Where is this?")
        one["plans"] = [["Visual Question Answering"]]
    assert len(own.load(*tasks).tasks(Split.TEST)) == 1


def test_splits_that_share_a_query_and_tasks_that_share_an_id_are_refused(own: Own) -> None:
    with pytest.raises(InvalidArgument, match=r"'task 1' .* has the content of 'task 0'"):
        own.load(task(0), task(1, "test", query="Describe picture 0."))
    with pytest.raises(InvalidArgument, match="two tasks have the id 'task 0'"):
        own.load(task(0), task(1, id="task 0"))


@pytest.mark.parametrize(
    "path",
    ["../secret.jpg", "media/../../secret.jpg", "/etc/passwd", "media/..", "media/\0.jpg", "media", "."],
)
def test_no_path_leads_out_of_the_folder_or_to_what_is_no_file(own: Own, path: str) -> None:
    (own.root.parent / "secret.jpg").write_bytes(jpeg("secret"))
    one = task(0)
    one["samples"][0]["inputs"] = [{"image": path}]
    with pytest.raises(InvalidArgument, match=r"^tasks\.jsonl, line 1, sample 0: "):
        own.load(one)


def test_no_link_is_followed(own: Own) -> None:
    outside = own.root.parent / "outside"
    outside.mkdir()
    (outside / "0.jpg").write_bytes(jpeg("secret"))
    (own.root / "linked").symlink_to(outside)
    (own.root / "media" / "linked.jpg").symlink_to(outside / "0.jpg")
    for path in ("linked/0.jpg", "media/linked.jpg"):
        one = task(0)
        one["samples"][0]["inputs"] = [{"image": path}]
        with pytest.raises(InvalidArgument, match="nor may it be a link"):
            own.load(one)
    (own.root / "suite.json").unlink()
    (own.root / "suite.json").symlink_to(outside / "0.jpg")
    with pytest.raises(InvalidArgument, match=r"^suite\.json: .*nor may it be a link"):
        load_own(own.root)


def test_a_picture_that_became_a_link_is_not_followed_either(own: Own) -> None:
    suite = own.load(task(0))
    picture = own.root / "media" / "0.jpg"
    picture.rename(own.root.parent / "moved.jpg")
    picture.symlink_to(own.root.parent / "moved.jpg")
    with pytest.raises(DataLoss, match=r"^media/0\.jpg: .* but it was read before"):
        suite.samples(suite.tasks(Split.TRAIN)[0])


def test_the_folder_itself_may_be_a_link(own: Own) -> None:
    suite = own.load(task(0))
    link = own.root.parent / "link"
    link.symlink_to(own.root)
    assert load_own(link).digest == suite.digest


def test_nothing_waits_for_a_pipe(own: Own) -> None:
    picture = own.root / "media" / "0.jpg"
    picture.unlink()
    os.mkfifo(picture)
    with pytest.raises(InvalidArgument, match=r"media/0\.jpg: it is no plain file"):
        own.load(task(0))
    picture.unlink()
    with socket.socket(socket.AF_UNIX) as open_socket:
        open_socket.bind(str(picture))
        with pytest.raises(InvalidArgument, match=r"media/0\.jpg: it cannot be read"):
            own.load(task(0))


def test_a_fault_that_passes_is_no_fault_of_the_suite(own: Own) -> None:
    suite = own.load(task(0))
    (first,) = suite.tasks(Split.TRAIN)
    with no_more_files():
        with pytest.raises(OSError, match="Too many open files"):
            load_own(own.root)
        with pytest.raises(OSError, match="Too many open files"):
            suite.samples(first)
    assert suite.samples(first)[0].inputs == (jpeg("own 0"),)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(image_bytes=200), "media/0.jpg: it has more than 200 bytes"),
        (Limits(file_bytes=20), "suite.json: it has more than 20 bytes"),
        (Limits(tasks=1), "tasks.jsonl: it must hold 1 to 1 tasks, not 2"),
        (Limits(text_characters=8), "sample 0: a text has 9 characters, but at most 8"),
        (Limits(samples=0), "'samples' must be a list of 1 to 0"),
    ],
)
def test_limits_are_kept(own: Own, limits: Limits, message: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        own.load(task(0), task(1), limits=limits)
    assert message in refused.value.message


def test_a_picture_of_the_largest_size_is_read(own: Own) -> None:
    size = len(jpeg("own 0"))
    assert own.load(task(0), limits=Limits(image_bytes=size)).tasks(Split.TRAIN)


_PARTS = st.sampled_from(["", ".", "..", "media", "0.jpg", "out", "suite", "secret.jpg"]) | st.text(
    max_size=5
)


@given(st.lists(_PARTS, max_size=6).map("/".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_path_is_refused_or_one_of_the_folder_s_pictures(own: Own, path: str) -> None:
    (own.root.parent / "secret.jpg").write_bytes(jpeg("secret"))
    if not (own.root / "out").is_symlink():
        (own.root / "out").symlink_to(own.root.parent)
    folder = Folder(own.root, Limits())
    try:
        picture = folder.picture(path)
    except InvalidArgument:
        return
    assert folder.content(picture) == jpeg("own 0")
    assert [part for part in path.split("/") if part not in ("", ".")] == ["media", "0.jpg"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["id", "split", "query", "plans", "samples"]), json_values)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_of_a_field_is_taken_or_refused(own: Own, field: str, value: object) -> None:
    one = task(0) | {field: value}
    if field in ("id", "query") and isinstance(value, str) and value.strip():
        assert getattr(own.load(one).tasks(Split.TRAIN)[0], field) == value
    else:
        with pytest.raises(InvalidArgument, match=r"^tasks\.jsonl, line 1"):
            own.load(one)


@given(st.lists(st.integers(0, 10**30), unique=True))
def test_names_are_in_natural_order(numbers: list[int]) -> None:
    names = [f"{number}.jpg" for number in numbers]
    assert sorted(names, key=natural) == [f"{number}.jpg" for number in sorted(numbers)]


@given(st.lists(st.text(max_size=8)))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    backward = names[::-1]
    assert sorted(names, key=natural) == sorted(backward, key=natural)

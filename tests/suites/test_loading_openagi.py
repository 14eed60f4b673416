"""OpenAGI's folder, made by its published layout, is read by what is in its files."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.errors import DataLoss, InvalidArgument, NotFound
from autoflow.suites import ContentType, Split, Task, TaskSuite
from autoflow.suites.loading import Limits, Shares, load_openagi
from autoflow.suites.loading.descriptions import accepted_plans, understood
from autoflow.suites.planning import TOOLS, Fault, Language, Source, Wanted
from tests.suites.openagi_folder import descriptions, jpeg, write

LINES = descriptions()
RESTORE, CAPTION, DRAW, SUMMARIZE, LOOK, ASK = 3, 18, 105, 107, 119, 180
"""Tasks of each kind of input and output."""

ALL_TEST = Shares(0, 0)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("openagi") / "openagi_data"
    write(root, LINES, samples=12)
    return root


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Six tasks, one of each kind, with 12 samples each."""
    root = tmp_path / "small"
    write(root, [LINES[number] for number in (RESTORE, CAPTION, DRAW, SUMMARIZE, LOOK, ASK)], samples=12)
    return root


def task_of(suite: TaskSuite, number: int) -> Task:
    return next(task for split in Split for task in suite.tasks(split) if task.id == f"openagi/{number}")


def test_all_tasks_are_read_and_split(published: Path) -> None:
    suite = load_openagi(published)
    assert len(LINES) == 185
    sizes = [len(suite.tasks(split)) for split in Split]
    assert sum(sizes) == 185
    assert sizes[0] > sizes[2] > sizes[1] > 20
    kinds = Counter((task.inputs, task.output) for split in Split for task in suite.tasks(split))
    image, text = ContentType.IMAGE, ContentType.TEXT
    assert kinds == {
        ((image,), image): 15,
        ((image,), text): 90,
        ((text,), image): 2,
        ((text,), text): 10,
        ((image, text), text): 60,
        ((text, text), text): 8,
    }
    assert suite.digest == load_openagi(published).digest


def test_no_two_splits_share_a_picture_or_a_long_text(published: Path) -> None:
    suite = load_openagi(published)
    seen: dict[object, Split] = {}
    for split in Split:
        for task in suite.tasks(split):
            samples = suite.samples(task, 100)
            assert samples
            for sample in samples:
                about = [
                    sample.inputs[0],
                    *([sample.reference] if isinstance(sample.reference, bytes) else []),
                ]
                assert all(seen.setdefault(content, split) is split for content in about)
    assert len(seen) > 500


def test_number_ten_comes_after_number_nine(published: Path) -> None:
    suite = load_openagi(published, ALL_TEST)
    samples = suite.samples(task_of(suite, RESTORE), 100)
    assert [sample.reference for sample in samples] == [jpeg(f"classes {number}") for number in range(12)]


def test_each_kind_of_task_has_its_contents_in_order(small: Path) -> None:
    suite = load_openagi(small, ALL_TEST)
    restore, caption, draw, summarize, look, ask = (suite.samples(task_of(suite, n))[3] for n in range(6))
    assert restore.inputs == (jpeg("classes 3", "blurry grayscale "),)
    assert restore.reference == jpeg("classes 3")
    assert caption.inputs == (jpeg("caption 3", "low-resolutioned noisy blurry grayscale "),)
    assert caption.reference == "return the caption in English: 3"
    assert draw.reference == draw.inputs[0] == "Text 3 [MASK] generate"
    assert summarize.inputs == ("Text 3 [MASK] summar",)
    assert [type(piece) for piece in look.inputs] == [bytes, str]
    assert ask.inputs == ("The long questions document 1", "Who is there?")
    assert ask.reference == "answer the question in English: 3"
    assert task_of(suite, 2).output is ContentType.IMAGE


def test_the_empty_folder_of_a_picture_to_be_drawn_may_be_missing(small: Path) -> None:
    before = load_openagi(small).digest
    (small / "2" / "outputs").rmdir()
    assert load_openagi(small).digest == before


def test_a_sample_s_files_are_read_when_it_is_asked_for(small: Path) -> None:
    suite = load_openagi(small, ALL_TEST)
    task = task_of(suite, 1)
    picture = small / "1" / "inputs" / "images" / "2.jpg"
    picture.write_bytes(jpeg("another"))
    assert len(suite.samples(task, 2)) == 2
    with pytest.raises(DataLoss, match=r"^1/inputs/images/2\.jpg: it has changed"):
        suite.samples(task, 3)
    picture.unlink()
    with pytest.raises(DataLoss, match=r"^1/inputs/images/2\.jpg"):
        suite.samples(task, 3)
    with pytest.raises(NotFound, match="openagi/99"):
        suite.samples(Task("openagi/99", "", "", task.inputs, task.output, task.accepted))


def _write(path: str, content: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / path).write_text(content)

    return change


def _rename(path: str, other: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / path).rename(root / other)

    return change


def _remove(path: str) -> Callable[[Path], None]:
    return lambda root: shutil.rmtree(root / path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _write("3/outputs/labels.txt", "one\ntwo\n"),
            r"^3/outputs/labels\.txt: it holds 2 samples, but 3/inputs/text",
        ),
        (_write("3/outputs/labels.txt", ""), r"^3/outputs/labels\.txt: it holds no texts"),
        (_write("1/inputs/images/4.jpg", "no picture"), r"^1/inputs/images/4\.jpg: it is no PNG"),
        (
            _rename("1/inputs/images/4.jpg", "1/inputs/images/15.jpg"),
            r"^1/inputs/images/5\.jpg: .* here 4 must be",
        ),
        (_rename("1/outputs/labels.txt", "1/outputs/labels.csv"), r"^1/outputs/labels\.csv: it is neither"),
        (_remove("4"), r"^4: this folder is missing, but task_description\.txt has 6 lines"),
        (_remove("4/inputs/images"), r"^4: its files hold text for text: not 'Given"),
        (_remove("4/outputs"), r"^4/outputs: it is not in the suite's folder"),
        (lambda root: (root / "6").mkdir(), r"^6: task_description\.txt has only 6 lines"),
        (_write("task_description.txt", ""), r"^task_description\.txt: it must have 1 to"),
        (_write("1/outputs/more.txt", "one\n" * 12), r"^1/outputs: it must hold one kind of output, not 2"),
        (_remove("0/outputs/images"), r"^0/outputs: it must hold one kind of output, not 0"),
    ],
)
def test_what_is_wrong_is_told_with_its_file(
    small: Path, change: Callable[[Path], None], message: str
) -> None:
    change(small)
    with pytest.raises(InvalidArgument, match=message):
        load_openagi(small)


def test_bytes_that_are_no_text_are_told_with_their_place(small: Path) -> None:
    (small / "3" / "inputs" / "text.txt").write_bytes(b"good\n\xff\n")
    with pytest.raises(InvalidArgument, match=r"^3/inputs/text\.txt: it is not in UTF-8, from byte 5"):
        load_openagi(small)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(image_bytes=100), r"^0/inputs/images/0\.jpg: it has more than 100 bytes"),
        (Limits(text_characters=10), r"^1/outputs/labels\.txt: a line has \d+ characters, but at most 10"),
        (Limits(file_bytes=100), r"^task_description\.txt: it has more than 100 bytes"),
        (Limits(tasks=5), r"^task_description\.txt: it must have 1 to 5 lines, not 6"),
        (Limits(samples=11), r"^0/inputs/images: it holds 12 samples, but at most 11"),
    ],
)
def test_what_is_too_large_is_told_with_its_file(small: Path, limits: Limits, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        load_openagi(small, limits=limits)


def test_tasks_that_cannot_be_used_can_be_left_out(small: Path) -> None:
    (small / "3" / "outputs" / "labels.txt").write_text("a summary\nof two lines\n" * 12)
    left_out: list[str] = []
    suite = load_openagi(small, ALL_TEST, left_out=left_out.append)
    assert left_out == ["3/outputs/labels.txt: it holds 24 samples, but 3/inputs/text.txt holds 12"]
    assert [task.id for task in suite.tasks(Split.TEST)] == [
        f"openagi/{number}" for number in (0, 1, 2, 4, 5)
    ]
    shutil.rmtree(small / "0" / "inputs")
    load_openagi(small, ALL_TEST, left_out=left_out.append)
    assert left_out[1].startswith("0/inputs: it is not in the suite's folder")


def test_a_folder_without_a_usable_task_is_refused(small: Path) -> None:
    (small / "task_description.txt").write_text("Cook an egg.\n" * 6)
    with pytest.raises(InvalidArgument, match=r"^task_description\.txt, line 1: no description of OpenAGI's"):
        load_openagi(small)
    with pytest.raises(InvalidArgument, match="none of its tasks can be used"):
        load_openagi(small, left_out=lambda message: None)


def test_too_few_samples_for_three_splits_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "one", LINES[:20], samples=1)
    with pytest.raises(InvalidArgument, match="for 3 splits are needed at least as many samples"):
        load_openagi(tmp_path / "one")
    assert len(load_openagi(tmp_path / "one", ALL_TEST).tasks(Split.TEST)) == 20


def test_a_task_of_which_no_sample_is_left_is_told(small: Path) -> None:
    for path in ("3/inputs/text.txt", "3/outputs/labels.txt"):
        (small / path).write_text("only one\n")
    training = Shares(1e-9, 0)
    with pytest.raises(InvalidArgument, match=r"^3: none of its 1 samples is left for test"):
        load_openagi(small, training)
    left_out: list[str] = []
    assert len(load_openagi(small, training, left_out=left_out.append).tasks(Split.TEST)) == 5
    assert len(left_out) == 1


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_shares_leave_no_wanted_split_empty(count: int, train: float, rest: float) -> None:
    shares = Shares(train, (1 - train) * rest)
    wanted = (shares.train > 0, shares.validation > 0, shares.train + shares.validation < 1)
    if count < sum(wanted):
        with pytest.raises(InvalidArgument):
            shares.ends(count)
        return
    first, second = shares.ends(count)
    assert (first > 0, second > first, count > second) == wanted


def test_a_line_s_end_is_a_line_feed_and_nothing_else(small: Path) -> None:
    texts = [f"{number}: one\u2028two\x0bthree\x85four" for number in range(12)]
    (small / "3" / "inputs" / "text.txt").write_bytes("\r\n".join(texts).encode())
    suite = load_openagi(small, ALL_TEST)
    assert [sample.inputs[0] for sample in suite.samples(task_of(suite, 3), 12)] == texts


@pytest.mark.parametrize("line", LINES)
def test_descriptions_are_understood(line: str) -> None:
    combination = understood(line)
    tools = {tool.name for tool in TOOLS}
    plans = accepted_plans(combination)
    assert len(set(plans)) == len(plans)
    assert all(set(plan) <= tools for plan in plans)
    assert (
        len(plans[0])
        == len(combination.faults) + (combination.maker is not None) + combination.needs_translation
    )
    assert ("German" in line) == (combination.language is Language.GERMAN)
    assert line.count("clozed") == combination.faults.count(Fault.GAPS)


def test_one_description_in_full() -> None:
    given = "noisy blurry image and clozed English query"
    combination = understood(f"Given {given}, how to answer the question in German step by step?")
    assert combination.source is Source.IMAGE_AND_QUESTION
    assert combination.faults == (Fault.NOISE, Fault.BLUR, Fault.GAPS)
    assert combination.wanted is Wanted.ANSWER
    assert accepted_plans(combination)[0] == (
        "Image Denoising",
        "Image Deblurring",
        "Fill Mask",
        "Visual Question Answering",
        "Machine Translation",
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Given image",
        "Given loud image, how to return the caption in English step by step?",
        "Given noisy image, how to return the caption in Chinese step by step?",
        "Given noisy video, how to return the caption in English step by step?",
        "Given image and image, how to return the caption in English step by step?",
    ],
)
def test_other_descriptions_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="no description of OpenAGI's"):
        understood(line)

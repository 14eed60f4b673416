"""The page of an evaluation: what it shows, and that nothing in it can act."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from autoflow.methods import Reward
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import Content, ContentType, Sample, Split, Task, TaskSuite
from autoflow_worker.evaluation.page import Page
from autoflow_worker.evaluation.shelf import MeasuredTask, Shelf
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluation.table import evaluations, table_of
from autoflow_worker.ports import Evidence, Outcome, Score
from autoflow_worker.spec import Comparator
from tests.worker.doubles import TOOLS, workflow
from tests.worker.evaluations import RIGHT, SHORT, evaluation

HOSTILE = """</pre></style><script>alert(1)</script>'"><img src=x onerror=alert(2)>{{ 7 * 7 }}\x00"""
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


def picture(size: tuple[int, int] = (4, 3), colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


class Elements(HTMLParser):
    """The elements of a page with their attributes, and all its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def rendered(
    home: Path,
    measured: list[MeasuredTask],
    sample: Sample,
    spec: EvaluationSpec | None = None,
    **limits: int,
) -> bytes:
    """The page of these tasks, each with copies of one sample."""
    spec = spec or replace(evaluation(RIGHT, SHORT), reward=Reward.EXECUTED)
    tasks = tuple(
        Task(one.task, "all", f"Query of {one.task}", (ContentType.IMAGE,), ContentType.TEXT, (("Alpha",),))
        for one in measured
    )
    suite = TaskSuite(
        spec.suite,
        "",
        TOOLS,
        {split: tasks if split is spec.split else () for split in Split},
        source=lambda: lambda task, count: (sample,) * count,
    )
    shelf = Shelf(ArtifactStore(str(home)))
    shelf.add(measured)
    light = [one.light for one in measured]
    return Page(spec, suite, tasks, light, shelf, **limits).render(evaluations(spec, table_of(spec, light)))


def measured(
    task: str, *rewards: float | None, output: Content = "an output", metric: str = "vit"
) -> MeasuredTask:
    scores = [
        None
        if reward is None
        else Score(
            reward > 0,
            reward,
            0.5,
            Evidence(f"answer {reward}", ("Alpha",), "", (Outcome(reward, output),) * 2),
        )
        for reward in rewards
    ]
    return MeasuredTask(task, metric, tuple(scores))


SAMPLE = Sample((picture(),), "the reference")


def test_a_page_shows_table_answers_and_samples(tmp_path: Path) -> None:
    found = Elements(rendered(tmp_path, [measured("t0", 0.25, 0.75, 1.0)], SAMPLE))
    for shown in (
        "Query of t0",
        "answer 0.25",
        "answer 0.75",
        "the reference",
        "an output",
        "0.250",
        "ViT Score",
    ):
        assert shown in found.text
    assert "+0.500" in found.text
    # One for each of the two samples that are shown.
    assert [image["src"] for image in found.all("img")] == [found.all("img")[0]["src"]] * 2


def test_the_worst_task_comes_first_and_missing_ones_last(tmp_path: Path) -> None:
    tasks = [
        measured("good", 0.9, 0.9, 1.0),
        measured("gone", None, None, 1.0),
        measured("bad", 0.1, 0.2, 1.0),
    ]
    text = Elements(rendered(tmp_path, tasks, SAMPLE)).text
    assert text.index("Query of bad") < text.index("Query of good") < text.index("Query of gone")
    assert "missing: a service failed" in text


def test_equal_outputs_are_shown_once(tmp_path: Path) -> None:
    shown = rendered(tmp_path, [measured("t0", 0.5, 0.5, 0.5, output=picture(colour="blue"))], SAMPLE)
    found = Elements(shown)
    # An input and an output for each sample.
    assert len(found.all("img")) == 4
    assert "w0, w1, reference" in found.text


@pytest.mark.parametrize(
    "place", ["answer", "plan", "detail", "failure", "output", "query", "input", "suite"]
)
def test_hostile_content_is_inert(tmp_path: Path, place: str) -> None:
    def put(here: str, usual: str) -> str:
        return HOSTILE if here == place else usual

    outcome = Outcome(0.0, failure=HOSTILE) if place == "failure" else Outcome(0.5, put("output", "fine"))
    evidence = Evidence(put("answer", "a"), (put("plan", "Alpha"),), put("detail", ""), (outcome,))
    score = Score(False, 0.0, evidence=evidence)
    spec = replace(
        evaluation(),
        reward=Reward.EXECUTED,
        suite=put("suite", "doubles"),
        workflows=(Comparator("w0", replace(workflow(RIGHT), text=put("query", "text"))),),
    )
    page = rendered(
        tmp_path,
        [MeasuredTask(put("query", "t0"), "vit", (score, score))],
        Sample((put("input", "i"),), "r"),
        spec,
    )
    harmless(page)
    assert "alert(1)" in Elements(page).text
    assert "{{ 7 * 7 }}" in Elements(page).text


def test_pictures_are_told_to_whoever_does_not_see_them(tmp_path: Path) -> None:
    sample = Sample((picture(), picture(colour="green")), picture(colour="white"), caption=HOSTILE[:-1])
    task = measured("t0", 0.5, 0.5, 1.0, output=picture(colour="blue"))
    page = rendered(tmp_path, [task], sample)
    harmless(page)
    assert [image["alt"] for image in Elements(page).all("img")[:5]] == [
        "input 1 of: Query of t0",
        "input 2 of: Query of t0",
        f"wanted: {HOSTILE[:-1]}",
        "output of w0, w1, 0.500",
        "output of reference, 1.000",
    ]


def harmless(page: bytes) -> None:
    """Nothing in a page runs, loads, or leads anywhere."""
    found = Elements(page)
    known = {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "h1",
            "h2",
            "p",
            "small",
            "b",
            "i",
            "code",
            "pre",
        ),
        *("div", "span", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "figure"),
        *("figcaption", "img", "input", "label"),
    }
    assert {tag for tag, _ in found.elements} <= known
    for _, attributes in found.elements:
        assert not any(name.startswith("on") or name in ("href", "srcset", "action") for name in attributes)
    for image in found.all("img"):
        assert (image["src"] or "").startswith(("data:image/png;base64,", "data:image/jpeg;base64,"))
    assert "default-src 'none'" in str(found.all("meta"))


def test_what_is_no_picture_is_not_shown_as_one(tmp_path: Path) -> None:
    page = rendered(tmp_path, [measured("t0", 0.5, 0.5, 0.5, output=SVG)], SAMPLE)
    harmless(page)
    assert "not a picture that can be read" in Elements(page).text
    assert b"onload" not in page
    assert base64.b64encode(SVG) not in page


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    sample = Sample((picture((2000, 1000)),), "r")
    (source, *_) = [
        image["src"] or ""
        for image in Elements(rendered(tmp_path, [measured("t0", 1.0, 1.0, 1.0)], sample)).all("img")
    ]
    data = base64.b64decode(source.partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (512, 256)


def test_a_page_leaves_out_what_would_make_it_too_large_and_says_so(tmp_path: Path) -> None:
    tasks = [measured(f"t{number}", number / 10, number / 10, 1.0) for number in range(10)]
    whole = rendered(tmp_path, tasks, SAMPLE)
    one = (len(whole) - len(rendered(tmp_path, tasks[:1], SAMPLE))) // 9
    page = rendered(tmp_path, tasks, SAMPLE, samples_bytes=2 * one + one // 2, page_bytes=5 * one)
    found = Elements(page)
    assert len(page) < len(whole)
    shown = [number for number in range(10) if f"Query of t{number}" in found.text]
    assert shown == list(range(len(shown)))
    assert f"{10 - len(shown)} tasks, on which the workflows did best, are left out" in found.text
    assert len(found.all("img")) == 2 * 2
    assert f"{len(shown) - 2} tasks are shown without samples" in found.text


def test_one_large_task_is_shown_without_samples_and_all_others_with_theirs(tmp_path: Path) -> None:
    noise = io.BytesIO()
    Image.effect_noise((500, 500), 100).save(noise, "PNG")
    large = measured("large", 0.0, 0.0, 1.0, output=noise.getvalue())
    small = [measured(f"t{number}", 1.0, 1.0, 1.0) for number in range(40)]
    bound = len(rendered(tmp_path, small, SAMPLE))
    assert len(rendered(tmp_path, [large], SAMPLE)) > 2 * bound
    found = Elements(
        rendered(tmp_path, [large, *small], SAMPLE, samples_bytes=bound, page_bytes=bound + 10_000)
    )
    assert found.text.count("Query of") == 1 + len(small)
    assert len(found.all("img")) == 2 * len(small)
    assert "1 task is shown without samples" in found.text


def test_a_task_that_does_not_fit_whole_any_more_is_shown_without_samples(tmp_path: Path) -> None:
    tasks = [measured(f"t{number}", number / 10, number / 10, 1.0) for number in range(3)]
    whole = rendered(tmp_path, tasks, SAMPLE)
    one = (len(whole) - len(rendered(tmp_path, tasks[:1], SAMPLE))) // 2
    found = Elements(rendered(tmp_path, tasks, SAMPLE, page_bytes=3 * one - 10))
    assert found.text.count("Query of") == 3
    assert len(found.all("img")) == 2 * 2


def test_tasks_can_be_picked_by_what_there_is(tmp_path: Path) -> None:
    tasks = [measured("t0", 0.0, 1.0, 1.0), measured("t1", 1.0, 1.0, 1.0, metric="clip")]
    found = Elements(rendered(tmp_path, tasks, SAMPLE))
    assert [one["id"] for one in found.all("input")] == [
        "pick-all",
        "pick-worse",
        "pick-invalid",
        "pick-clip",
        "pick-vit",
    ]
    classes = [
        (one["class"] or "").split() for one in found.all("details") if "task" in str(one.get("class"))
    ]
    assert classes == [["task", "vit", "worse", "invalid"], ["task", "clip"]]


def test_without_executed_plans_there_are_no_samples(tmp_path: Path) -> None:
    page = rendered(
        tmp_path, [measured("t0", 1.0, 1.0, 1.0, metric="plan_f1")], SAMPLE, evaluation(RIGHT, SHORT)
    )
    found = Elements(page)
    assert found.all("img") == []
    assert "plan F1 1" in " ".join(found.text.split())

"""Tools for texts, on the samples of the suite and on any others."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoflow.suites import Split, Task, load_suite
from autoflow.suites.planning import REPAIRS, Fault, Language
from autoflow.suites.samples import PlanningSamples
from autoflow.suites.samples.texts import text
from autoflow.suites.scenes import caption, captions, objects, questions, scene
from tests.experts.tools import Tools

_OF_TEXTS = [
    task
    for split in Split
    for task in load_suite("planning").tasks(split)
    if task.inputs[0] == "text" and task.output == "text" and task.id.endswith("/1")
]
_FILL = REPAIRS[Fault.GAPS]
_NOT_ENGLISH = "the text is not in English"


@pytest.mark.parametrize("task", _OF_TEXTS, ids=[task.id for task in _OF_TEXTS])
def test_the_reference_plan_gives_the_reference(tools: Tools, task: Task) -> None:
    for sample in PlanningSamples()(task, 4):
        assert tools(task.accepted[0], *sample.inputs) == sample.reference


@pytest.mark.parametrize("task", _OF_TEXTS, ids=[task.id for task in _OF_TEXTS])
def test_without_a_step_it_does_not(tools: Tools, task: Task) -> None:
    plan = task.accepted[0]
    for left_out in range(len(plan)):
        rest = [*plan[:left_out], *plan[left_out + 1 :]]
        if "Question Answering" not in rest and len(task.inputs) > 1:
            continue
        results = [tools(rest, *sample.inputs) == sample.reference for sample in PlanningSamples()(task, 4)]
        assert sum(results) <= 1, rest


def test_captions_objects_and_labels_are_translated(tools: Tools) -> None:
    for number in range(30):
        shown = scene(number)
        for said, wanted in (
            (caption(shown), caption(shown, Language.GERMAN)),
            (names(number, Language.ENGLISH), names(number, Language.GERMAN)),
            (shown.place.value, {"meadow": "Wiese"}.get(shown.place.value)),
        ):
            if wanted is not None:
                assert tools(["Machine Translation"], said) == wanted


def names(number: int, language: Language) -> str:
    return ", ".join(thing.name for thing in objects(scene(number), language))


@pytest.mark.parametrize("number", range(5))
def test_a_picture_of_a_caption_shows_what_it_says(tools: Tools, number: int) -> None:
    shown = scene(number)
    plan = ["Text to Image Generation", "Image Captioning"]
    assert tools(plan, caption(shown)) == caption(shown)


def test_every_wording_of_a_caption_is_drawn(tools: Tools) -> None:
    shown = scene(15)
    things = {thing.name for thing in objects(shown)}
    for said in captions(shown):
        seen = tools(["Text to Image Generation", "Object Detection"], said)
        assert set(str(seen).split(", ")) == things


def test_what_a_tool_cannot_do_is_told(tools: Tools) -> None:
    assert tools.failure(_FILL, "All is said.") == "the text has no gap: a gap is written [MASK]"
    assert tools.failure("Text to Image Generation", "It was late.") == (
        "the text names no thing and no place that can be drawn"
    )
    assert tools.failure("Text Summarization", "positive") == (
        "the text has one sentence at most, which is as short as a summary"
    )


@pytest.mark.parametrize("german", ["positiv", "Wiese", "zu Fuß", "roter Ball, gelbe Katze", "ruhig"])
def test_german_is_not_taken_for_english(tools: Tools, german: str) -> None:
    for name in (_FILL, "Machine Translation", "Sentiment Analysis", "Text Summarization"):
        assert tools.failure(name, german) == _NOT_ENGLISH
    assert tools.failure("Question Answering", german, "How was the soup?") == _NOT_ENGLISH


@pytest.mark.parametrize("task", _OF_TEXTS, ids=[task.id for task in _OF_TEXTS])
def test_whatever_is_translated_is_german(tools: Tools, task: Task) -> None:
    for sample in PlanningSamples()(task, 8):
        # Gaps and all: they are left as they are.
        german = tools(["Machine Translation"], sample.inputs[0])
        assert tools.failure("Machine Translation", german) == _NOT_ENGLISH


def test_questions_are_translated_and_then_understood_no_more(tools: Tools) -> None:
    asked = [question.text for number in range(20) for question in questions(scene(number))]
    asked += [one.asked.question for number in range(20) for one in text(number).sentences if one.asked]
    for question in asked:
        german = tools(["Machine Translation"], question)
        assert tools.failure("Question Answering", "It was a red ball.", german) == _NOT_ENGLISH
        assert tools.failure("Visual Question Answering", b"", german) == _NOT_ENGLISH


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("How many things are there?", "Wie viele Dinge sind zu sehen?"),
        ("How many fish are there?", "Wie viele Fische sind zu sehen?"),
        ("What colour is the car?", "Welche Farbe hat das Auto?"),
        ("What is directly left of the red box?", "Was ist direkt links von der roten Kiste?"),
        ("Is there an orange balloon?", "Gibt es einen orangefarbenen Ballon?"),
        ("How was the changing room?", "Wie war die Umkleide?"),
        ("Which animal did Anna bring?", "Welches Tier brachte Anna mit?"),
    ],
)
def test_examples_of_questions(tools: Tools, english: str, german: str) -> None:
    assert tools(["Machine Translation"], english) == german


def test_a_summary_is_shorter(tools: Tools) -> None:
    assert tools(["Text Summarization"], "One. Two. Three.") == "One. Three."
    assert tools(["Text Summarization"], "One. Three.") == "One."


def test_other_texts_are_taken_in_a_modest_way(tools: Tools) -> None:
    news = "The bank raised its rates. Markets fell. Analysts had expected the move for weeks."
    assert tools(["Text Summarization"], news) == (
        "The bank raised its rates. Analysts had expected the move for weeks."
    )
    assert tools(["Question Answering"], news, "What fell?") == "Markets fell."
    assert tools(["Sentiment Analysis"], news) == "neutral"
    assert tools(["Machine Translation"], news) == news


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=200),
    st.sampled_from(["This was the day. ", "[MASK] was the day. ", "The [MASK] ball was red. "]),
)
def test_any_text_is_taken(tools: Tools, anything: str, before: str) -> None:
    for name in ("Sentiment Analysis", "Machine Translation"):
        assert isinstance(tools([name], before + anything), str)
    assert isinstance(tools(["Text Summarization"], f"{before}{anything} One. Two. Three."), str)
    assert isinstance(tools(["Question Answering"], before + anything, before + anything), str)
    if "[MASK]" in before:
        assert isinstance(tools([_FILL], before + anything), str)

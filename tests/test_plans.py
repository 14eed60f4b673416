"""Plans: reading, chaining and scoring, against naive computations."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.plans import PlanReference, chains, order_f1, parse_plan, plan_exact, plan_f1, plan_valid
from autoflow.suites import ContentType, Tool
from autoflow.suites.planning import TOOLS

IMAGE, TEXT = ContentType.IMAGE, ContentType.TEXT
BY_NAME = {tool.name: tool for tool in TOOLS}
CAPTION = PlanReference(
    TOOLS,
    (IMAGE,),
    TEXT,
    (
        ("Image Denoising", "Colorization", "Image Captioning"),
        ("Colorization", "Image Denoising", "Image Captioning"),
    ),
)

plans = st.lists(st.sampled_from([tool.name for tool in TOOLS]), max_size=7)


@pytest.mark.parametrize(
    "answer",
    [
        "Image Denoising, Image Captioning",
        "Plan: Image Denoising, Image Captioning.",
        "1. Image Denoising\n2. Image Captioning",
        "- image denoising\n- IMAGE  captioning\n",
        "**Image Denoising** -> `Image Captioning`",
        "The models in order: Image Denoising; then Image Captioning",
        '"Image Denoising" → "Image Captioning"',
    ],
)
def test_a_plan_is_read_as_models_write_it(answer: str) -> None:
    assert parse_plan(answer, TOOLS) == ("Image Denoising", "Image Captioning")


@pytest.mark.parametrize(
    "answer", ["", "none", "Done.", "Image Denoising, Mind Reading", "Image", ", ,", "Colorization " * 3]
)
def test_what_names_no_tool_is_no_plan(answer: str) -> None:
    assert parse_plan(answer, TOOLS) is None


@given(plans.filter(bool))
def test_a_written_plan_is_read_again(plan: list[str]) -> None:
    assert parse_plan(", ".join(plan), TOOLS) == tuple(plan)


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    plan = parse_plan(text, TOOLS)
    assert plan is None or all(name in BY_NAME for name in plan)


def test_a_hostile_answer_is_read_in_linear_time() -> None:
    for text in (
        ", " * 500_000,
        "1. " * 300_000,
        "Plan: " * 150_000,
        "->" * 500_000,
        "then " * 200_000,
        "- " * 400_000,
        "-" * 1_000_000,
    ):
        assert parse_plan(text, TOOLS) is None


@pytest.mark.parametrize(
    ("plan", "inputs", "output", "chained"),
    [
        (["Image Denoising", "Image Captioning"], (IMAGE,), TEXT, True),
        (["Image Captioning", "Image Denoising"], (IMAGE,), TEXT, False),
        (["Image Denoising"], (IMAGE,), TEXT, False),
        ([], (IMAGE,), IMAGE, True),
        (["Visual Question Answering"], (IMAGE, TEXT), TEXT, True),
        (["Visual Question Answering"], (IMAGE,), TEXT, False),
        (["Image Captioning"], (IMAGE, TEXT), TEXT, False),
        (["Question Answering", "Machine Translation"], (TEXT, TEXT), TEXT, True),
    ],
)
def test_types_chain(
    plan: list[str], inputs: tuple[ContentType, ...], output: ContentType, chained: bool
) -> None:
    assert chains(plan, BY_NAME, inputs, output) is chained


def test_a_join_consumes_both_of_its_inputs() -> None:
    join = Tool("Join", "", (TEXT, TEXT), TEXT)
    assert chains(["Join"], {"Join": join}, (TEXT, TEXT), TEXT)
    assert not chains(["Join"], {"Join": join}, (TEXT,), TEXT)


@given(plans, plans)
def test_order_f1_is_that_of_the_longest_common_subsequence(plan: list[str], accepted: list[str]) -> None:
    longest = next(
        size
        for size in range(min(len(plan), len(accepted)), -1, -1)
        if set(combinations(plan, size)) & set(combinations(accepted, size))
    )
    total = len(plan) + len(accepted)
    assert order_f1(plan, accepted) == pytest.approx(2 * longest / total if total else 0.0)
    assert order_f1(plan, accepted) == order_f1(accepted, plan)


@pytest.mark.parametrize(
    ("answer", "valid", "exact", "f1"),
    [
        ("Colorization, Image Denoising, Image Captioning", 1, 1, 1.0),
        ("Image Captioning", 1, 0, 2 / 4),
        ("Image Denoising, Image Captioning", 1, 0, 4 / 5),
        ("Image Denoising, Image Deblurring, Image Captioning", 1, 0, 4 / 6),
        ("Image Captioning, Image Denoising", 0, 0, 0.0),
        ("Image Denoising, Colorization", 0, 0, 0.0),
        ("I would rather not.", 0, 0, 0.0),
    ],
)
def test_metrics(answer: str, valid: float, exact: float, f1: float) -> None:
    assert plan_valid(answer, CAPTION) == valid
    assert plan_exact(answer, CAPTION) == exact
    assert plan_f1(answer, CAPTION) == pytest.approx(f1)

"""Tools for pictures: right on clear pictures, worse on spoilt ones, and better again on mended ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from autoflow.suites import Content
from autoflow.suites.planning import TOOLS, Fault
from autoflow.suites.scenes import caption, draw, label, objects, questions, scene
from autoflow_experts.pictures import MAX_BYTES, write
from tests.experts.tools import Tools, opened, png, psnr, repairs, shown

MIXTURES = [[Fault.LOW_RESOLUTION, Fault.NOISE], [Fault.NOISE, Fault.BLUR], [Fault.NOISE, Fault.GRAYSCALE]]
SCENES = [scene(seed) for seed in range(100, 108)]
CAPTION, CLASS, OBJECTS = (["Image Captioning"], ["Image Classification"], ["Object Detection"])


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def named(tools: Tools, *faults: Fault, mended: bool) -> float:
    """The share of things that are listed by their names."""
    plan = [*(repairs(*faults) if mended else []), *OBJECTS]
    right = 0
    for one in SCENES:
        listed = str(tools(plan, shown(one, *faults))).split(", ")
        right += sum(thing.name in listed for thing in objects(one))
    return right / sum(len(one.things) for one in SCENES)


def classified(tools: Tools, *faults: Fault, mended: bool) -> float:
    """The share of pictures whose class is told."""
    plan = [*(repairs(*faults) if mended else []), *CLASS]
    return mean([tools(plan, shown(one, *faults)) == label(one) for one in SCENES])


def test_clear_pictures_are_understood(tools: Tools) -> None:
    pictures = [(one, shown(one)) for one in SCENES]
    assert mean([tools(CAPTION, picture) == caption(one) for one, picture in pictures]) >= 0.9
    assert mean([tools(CLASS, picture) == label(one) for one, picture in pictures]) >= 0.9
    listed = [(", ".join(thing.name for thing in objects(one)), picture) for one, picture in pictures[:4]]
    assert mean([tools(OBJECTS, picture) == names for names, picture in listed]) >= 0.9


def test_questions_about_clear_pictures_are_answered(tools: Tools) -> None:
    right = [
        tools(["Visual Question Answering"], picture, asked.text) == asked.answer
        for one, picture in ((one, shown(one)) for one in SCENES[:3])
        for asked in questions(one)[:6]
    ]
    assert mean(right) >= 0.9


@pytest.mark.parametrize(
    ("fault", "gain"),
    [(Fault.NOISE, 0.4), (Fault.BLUR, 0.2), (Fault.LOW_RESOLUTION, 0.25), (Fault.GRAYSCALE, 0.3)],
)
def test_things_are_seen_again_when_a_picture_is_mended(tools: Tools, fault: Fault, gain: float) -> None:
    assert named(tools, fault, mended=True) >= named(tools, fault, mended=False) + gain


@pytest.mark.parametrize(
    ("fault", "gain"), [(Fault.NOISE, 0.2), (Fault.BLUR, 0.1), (Fault.LOW_RESOLUTION, 0.5)]
)
def test_places_are_known_again_when_a_picture_is_mended(tools: Tools, fault: Fault, gain: float) -> None:
    assert classified(tools, fault, mended=True) >= classified(tools, fault, mended=False) + gain


@pytest.mark.parametrize(
    ("faults", "gain"),
    [
        ([Fault.NOISE], 8.0),
        ([Fault.BLUR], 2.0),
        ([Fault.LOW_RESOLUTION], 0.3),
        ([Fault.GRAYSCALE], 5.0),
        ([Fault.LOW_RESOLUTION, Fault.NOISE], 2.0),
        ([Fault.NOISE, Fault.BLUR], 4.0),
        ([Fault.LOW_RESOLUTION, Fault.GRAYSCALE], 0.5),
    ],
)
def test_mended_pictures_are_nearer_to_the_clean_ones(tools: Tools, faults: list[Fault], gain: float) -> None:
    spoilt = [shown(one, *faults) for one in SCENES]
    before = mean([psnr(picture, one) for picture, one in zip(spoilt, SCENES, strict=True)])
    mended = [tools(repairs(*faults), picture) for picture in spoilt]
    after = mean([psnr(picture, one) for picture, one in zip(mended, SCENES, strict=True)])
    assert after >= before + gain
    assert {opened(picture).size for picture in mended} == {draw(SCENES[0]).size}


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        ("Image Deblurring", "the picture is not blurred"),
        ("Image Denoising", "the picture has no noise that could be removed"),
        ("Colorization", "the picture has colours already"),
        (
            "Image Super Resolution",
            "the picture has 128 x 128 pixels already; at most 96 x 96 are enlarged",
        ),
    ],
)
def test_what_is_not_broken_is_not_mended(tools: Tools, tool: str, reason: str) -> None:
    assert {tools.failure(tool, shown(one)) for one in SCENES} == {reason}


@pytest.mark.parametrize("fault", [Fault.LOW_RESOLUTION, Fault.NOISE, Fault.BLUR, Fault.GRAYSCALE])
def test_what_was_mended_is_not_mended_again(tools: Tools, fault: Fault) -> None:
    [tool] = repairs(fault)
    for one in SCENES:
        tools.failure(tool, tools([tool], shown(one, fault)))


@pytest.mark.parametrize("faults", MIXTURES, ids=" ".join)
def test_faults_may_be_mended_in_any_order(tools: Tools, faults: list[Fault]) -> None:
    for number, order in enumerate(permutations(repairs(*faults))):
        one = SCENES[number % len(SCENES)]
        spoilt, mended = shown(one, *faults), tools(order, shown(one, *faults))
        assert psnr(mended, one) > psnr(spoilt, one)


def test_equal_inputs_give_equal_outputs(tools: Tools) -> None:
    faults = (Fault.NOISE, Fault.BLUR, Fault.GRAYSCALE, Fault.LOW_RESOLUTION)
    picture = shown(SCENES[0], *faults)
    assert tools(repairs(*faults), picture) == tools(repairs(*faults), picture)


def test_an_answer_fits_the_contract_even_if_it_is_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3)).astype(np.uint8)
    file = write(noise)
    assert len(file) <= MAX_BYTES
    assert opened(file).size == (900, 900)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
def test_any_picture_has_an_output_or_a_reason(tools: Tools, width: int, height: int, level: int) -> None:
    picture = png(Image.new("RGB", (width, height), (level, 255 - level, level // 2)))
    for tool in TOOLS:
        if str(tool.inputs[0]) == "image":
            more: list[Content] = ["How many balls are there?"] * (len(tool.inputs) - 1)
            assert tools.result(tool.name, picture, *more)

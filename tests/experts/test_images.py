"""Tools for pictures: right on clear pictures, worse on spoilt ones, and better again on mended ones."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from autoflow.suites import Content
from autoflow.suites.planning import TOOLS, Fault
from autoflow.suites.scenes import caption, draw, label, objects, questions, scene
from autoflow_experts.classic.pictures import MAX_BYTES
from tests.experts.tools import Tools, opened, png, psnr, repairs, shown

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


@pytest.mark.parametrize("tool", ["Image Deblurring", "Image Denoising", "Colorization"])
def test_what_is_not_broken_is_not_to_be_mended(tools: Tools, tool: str) -> None:
    assert mean([psnr(tools([tool], shown(one)), one) for one in SCENES]) < 35


def test_equal_inputs_give_equal_outputs(tools: Tools) -> None:
    picture = shown(SCENES[0], Fault.NOISE, Fault.GRAYSCALE)
    plan = repairs(Fault.NOISE, Fault.BLUR, Fault.GRAYSCALE, Fault.LOW_RESOLUTION)
    assert tools(plan, picture) == tools(plan, picture)


def test_a_picture_that_grows_too_large_is_told(tools: Tools) -> None:
    large = png(Image.new("RGB", (600, 600)))
    assert tools.failure("Image Super Resolution", large) == (
        "enlarged it would have 2400 x 2400 pixels, but at most 4194304 are made"
    )


def test_an_answer_fits_the_contract_even_if_it_is_noise(tools: Tools) -> None:
    speckled = Image.effect_noise((1000, 700), 90).convert("RGB")
    colours = Image.merge(
        "RGB", [speckled.getchannel(0), speckled.getchannel(1).rotate(90), speckled.getchannel(2).rotate(180)]
    )
    file = png(colours.resize((500, 350)))
    enlarged = tools(["Image Super Resolution"], file)
    assert isinstance(enlarged, bytes)
    assert len(enlarged) <= MAX_BYTES
    assert opened(enlarged).size == (2000, 1400)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
def test_any_picture_is_taken(tools: Tools, width: int, height: int, level: int) -> None:
    picture = png(Image.new("RGB", (width, height), (level, 255 - level, level // 2)))
    for tool in TOOLS:
        if str(tool.inputs[0]) == "image":
            more: list[Content] = ["How many balls are there?"] * (len(tool.inputs) - 1)
            assert tools([tool.name], picture, *more)

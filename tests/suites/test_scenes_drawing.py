"""The pictures of scenes, and what the faults do to them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from PIL import Image

from autoflow.suites.planning import IMAGE_FAULTS, Fault
from autoflow.suites.scenes import (
    SIZE,
    Colour,
    Kind,
    Place,
    Scene,
    Size,
    Thing,
    Time,
    degrade,
    draw,
    lightly_degraded,
    scene,
)
from autoflow.suites.scenes.shapes import PALETTE

Pixels = np.ndarray[Any, np.dtype[np.float32]]

PICTURES = [draw(scene(seed)) for seed in range(12)]


def pixels(image: Image.Image) -> Pixels:
    return np.asarray(image, np.float32)


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(pixels(one) - pixels(other)).mean())


def contrast(image: Image.Image) -> float:
    """The mean difference of neighbouring spots."""
    return float(np.abs(np.diff(pixels(image.convert("L")), axis=1)).mean())


def test_a_picture_is_that_of_its_scene_every_time() -> None:
    one = scene(3)
    assert draw(one).tobytes() == draw(one).tobytes()
    assert draw(one).size == SIZE
    assert draw(one, (200, 120)).size == (200, 120)
    assert difference(draw(one), draw(replace(one, texture=one.texture + 1))) > 1


def test_a_picture_has_at_least_16_pixels_each_way() -> None:
    assert draw(scene(0), (16, 16)).size == (16, 16)
    with pytest.raises(ValueError, match="16x16"):
        draw(scene(0), (128, 15))


@pytest.mark.parametrize("kind", list(Kind))
def test_a_thing_is_drawn_in_its_box_and_mostly_in_its_colour(kind: Kind) -> None:
    for colour in (Colour.RED, Colour.BLUE, Colour.YELLOW):
        thing = Thing(kind, colour, Size.LARGE, 0.5, 0.5, 0.3)
        empty = Scene(Place.ROOM, Time.DAY, (), texture=5)
        before, after = (pixels(draw(one)) for one in (empty, replace(empty, things=(thing,))))
        touched = np.abs(before - after).max(axis=2) > 0
        left, top, right, bottom = (
            round(edge * 128) for edge in (thing.box.left, thing.box.top, thing.box.right, thing.box.bottom)
        )
        inside = touched[top:bottom, left:right]
        assert inside.mean() > 0.2
        assert touched.sum() == inside.sum(), "nothing outside of the box"
        painted = after[top:bottom, left:right][inside]
        distances = {one: np.abs(painted - np.array(PALETTE[one])).max(axis=1) < 40 for one in Colour}
        assert max(distances, key=lambda one: distances[one].sum()) is colour


def test_brightness_alone_tells_the_colours_apart() -> None:
    brightness = [(0.299 * red + 0.587 * green + 0.114 * blue) / 255 for red, green, blue in PALETTE.values()]
    assert list(PALETTE) == list(Colour)
    assert all(lighter - darker > 0.07 for darker, lighter in pairwise(brightness))


@pytest.mark.parametrize("fault", IMAGE_FAULTS)
def test_a_fault_grows_with_its_strength_and_is_the_same_for_a_seed(fault: Fault) -> None:
    for picture in PICTURES:
        weak, strong = (
            degrade(picture, [fault], 1, strength).resize(picture.size, Image.Resampling.BICUBIC)
            for strength in (0.3, 1.0)
        )
        assert 0 < difference(picture, weak) < difference(picture, strong)
        assert degrade(picture, [fault], 1).tobytes() == degrade(picture, [fault], 1).tobytes()
        assert difference(picture, degrade(picture, [fault], 1, 0)) == 0


def test_each_fault_does_what_its_name_says() -> None:
    for picture in PICTURES:
        grey = pixels(degrade(picture, [Fault.GRAYSCALE], 0))
        assert np.ptp(grey, axis=2).max() == 0
        assert degrade(picture, [Fault.LOW_RESOLUTION], 0).size == (32, 32)
        assert contrast(degrade(picture, [Fault.BLUR], 0)) < 0.7 * contrast(picture)
        assert contrast(degrade(picture, [Fault.NOISE], 0)) > 1.5 * contrast(picture)
        assert difference(*(degrade(picture, [Fault.NOISE], seed) for seed in (0, 1))) > 5


def test_faults_add_up_in_any_order_they_are_named() -> None:
    one, other = (degrade(PICTURES[0], faults, 4) for faults in (IMAGE_FAULTS, IMAGE_FAULTS[::-1]))
    assert one.tobytes() == other.tobytes()
    assert one.size == (32, 32)


def test_a_text_s_fault_is_none_of_a_picture() -> None:
    with pytest.raises(ValueError, match="gaps"):
        degrade(PICTURES[0], [Fault.NOISE, Fault.GAPS], 0)


def test_a_light_degradation_changes_little_but_something() -> None:
    for index, picture in enumerate(PICTURES):
        light = lightly_degraded(picture, index)
        assert light.tobytes() == lightly_degraded(picture, index).tobytes()
        assert light.size == picture.size
        assert 0.5 < difference(picture, light) < 0.5 * difference(picture, PICTURES[index - 1])

"""Looks at a picture and says what scene it shows."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from autoflow.suites.scenes import Scene
from autoflow_experts.classic.seeing.canvas import laid_out
from autoflow_experts.classic.seeing.places import (
    IN_COLOUR,
    OF_LIGHTNESS,
    Setting,
    Settings,
    draw_backgrounds,
)
from autoflow_experts.classic.seeing.templates import Templates, grey
from autoflow_experts.classic.seeing.things import Finder, Sighting, Strictness
from autoflow_experts.pictures import Floats, Pixels

_OF_LIGHTNESS = Strictness(colour=20.0, peaks=5, error=36.0, evidence=0.6, sharpness=0.0, noise=float("inf"))
"""Of pictures without colours, which are recognised as well as may be, whatever else is wrong with them."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What pictures are compared with."""

    backgrounds: dict[Setting, list[Floats]]
    settings: Settings
    templates: Templates
    finder: Finder
    grey_settings: Settings
    grey_finder: Finder


class Eye:
    """Recognises scenes. It draws what it compares with when it first looks, which takes seconds."""

    def __init__(self) -> None:
        self._drawing = threading.Lock()
        self._kept: Memory | None = None

    def look(self, pixels: Pixels) -> Scene:
        """The scene that a picture shows, as far as it is recognised: perhaps without things."""
        setting = self.glance(pixels)
        things = tuple(sighting.thing for sighting in self.memory().finder.find(laid_out(pixels)))
        return Scene(setting.place, setting.time, things, texture=0)

    def glance(self, pixels: Pixels) -> Setting:
        """Where and when a picture is, whatever things it shows."""
        return self.memory().settings.nearest(laid_out(pixels))

    def look_at_lightness(self, canvas: Floats) -> tuple[Setting, list[Sighting]]:
        """Where and when a picture is, and its things, by its lightness alone.

        Args:
            canvas: [SIDE, SIDE, 3].
        """
        memory, light = self.memory(), grey(canvas.astype(np.uint8))
        setting = memory.grey_settings.nearest(np.repeat(light, 3, axis=2))
        return setting, memory.grey_finder.find(light)

    def memory(self) -> Memory:
        """What it compares with."""
        with self._drawing:
            if self._kept is None:
                backgrounds, templates = draw_backgrounds(), Templates()
                self._kept = Memory(
                    backgrounds=backgrounds,
                    settings=Settings(backgrounds, IN_COLOUR),
                    templates=templates,
                    finder=Finder(templates, Strictness()),
                    grey_settings=Settings(backgrounds, OF_LIGHTNESS),
                    grey_finder=Finder(Templates(of_lightness=templates), _OF_LIGHTNESS),
                )
            return self._kept

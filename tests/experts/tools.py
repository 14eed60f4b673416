"""Experts as functions, and how good a picture is."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from autoflow.suites import Content
from autoflow.suites.planning import REPAIRS, Fault
from autoflow.suites.samples.faults import spoilt
from autoflow.suites.scenes import Scene, draw
from autoflow_experts.experts import Failure, Result, Weightless


class Tools:
    """Applies tools by name, one after the other."""

    def __init__(self, experts: Iterable[Weightless]) -> None:
        self._experts = {expert.tool.name: expert for expert in experts}
        self.names = sorted(self._experts)

    def __call__(self, plan: Sequence[str], *inputs: Content) -> Content:
        """What a plan makes of a sample; further inputs go to the tools that take several."""
        first, *more = inputs
        for name in plan:
            expert = self._experts[name]
            given = [first, *more] if len(expert.tool.inputs) > 1 else [first]
            [result] = expert.apply([given])
            assert not isinstance(result, Failure), result.message
            first = result
        return first

    def result(self, name: str, *inputs: Content) -> Result:
        """What comes of one tool."""
        [result] = self._experts[name].apply([inputs])
        return result

    def failure(self, name: str, *inputs: Content) -> str:
        """Why a tool cannot do a sample."""
        result = self.result(name, *inputs)
        assert isinstance(result, Failure)
        return result.message


def shown(scene: Scene, *faults: Fault) -> bytes:
    """A scene's picture, with the suite's faults."""
    return png(spoilt(draw(scene), faults, seed=scene.texture))


def repairs(*faults: Fault) -> list[str]:
    """The tools that mend faults."""
    return [REPAIRS[fault] for fault in faults]


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def opened(content: Content) -> Image.Image:
    assert isinstance(content, bytes)
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB")


def psnr(content: Content, scene: Scene) -> float:
    """The ratio of signal and noise to a scene's clean picture, in decibels; sizes are made equal first."""
    clean = draw(scene)
    given = opened(content).resize(clean.size, Image.Resampling.BICUBIC)
    error = np.square(np.asarray(given, float) - np.asarray(clean, float)).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-3)))

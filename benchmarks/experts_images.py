"""How good the experts without weights are at pictures: clean, spoilt, and mended by the right tools.

    python -m benchmarks.experts_images --scenes 64

The scenes are such as the suite has where colours are missing: things stand out in lightness. Prints one JSON
object a line: for each mixture of faults, spoilt and mended, the share of captions that are
right to the letter, of things whose size, colour and kind are told, of places, and of answers (questions that
are answered by yes, no or nothing left out), the mean PSNR to the clean picture in decibels, and the
milliseconds of CPU time that mending and looking take.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count, islice

import numpy as np
from PIL import Image

from autoflow.suites.planning import Fault
from autoflow.suites.samples.faults import spoilt
from autoflow.suites.samples.pictures import stands_out
from autoflow.suites.scenes import Scene, caption, draw, questions, scene
from autoflow_experts.classic import restoration, telling
from autoflow_experts.classic.colorization import Colorizer
from autoflow_experts.classic.seeing.eye import Eye
from autoflow_experts.experts import Unusable
from autoflow_experts.pictures import Pixels

MIXTURES: tuple[tuple[Fault, ...], ...] = (
    (),
    (Fault.NOISE,),
    (Fault.BLUR,),
    (Fault.LOW_RESOLUTION,),
    (Fault.GRAYSCALE,),
    (Fault.NOISE, Fault.BLUR),
    (Fault.LOW_RESOLUTION, Fault.NOISE),
    (Fault.LOW_RESOLUTION, Fault.NOISE, Fault.BLUR, Fault.GRAYSCALE),
)
"""In each the order in which the suite's reference plans mend them."""
Mend = Callable[[Pixels], Pixels]
_GUESSED = ("yes", "no", "nothing")


@dataclass(slots=True)
class Quality:
    """What came of the scenes so far."""

    captions: list[float] = field(default_factory=list)
    things: list[float] = field(default_factory=list)
    places: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def add(self, shown: Scene, seen: Scene) -> None:
        """Compares what was seen with what is shown."""
        known = [(thing.kind, thing.colour, thing.size) for thing in seen.things]
        self.captions.append(telling.told(seen) == caption(shown))
        self.things += [(thing.kind, thing.colour, thing.size) in known for thing in shown.things]
        self.places.append(seen.place is shown.place)
        self.answers += [
            telling.answered(seen, asked.text) == asked.answer
            for asked in questions(shown)
            if asked.answer not in _GUESSED
        ]


def measure(
    scenes: Sequence[Scene], faults: Sequence[Fault], tools: Sequence[Callable[[Pixels], Pixels]], eye: Eye
) -> Quality:
    """Spoils each scene's picture, applies tools to it and looks at it."""
    quality = Quality()
    for number, shown in enumerate(scenes):
        clean = draw(shown)
        pixels = np.asarray(spoilt(clean, faults, seed=number))
        started = time.process_time()
        for tool in tools:
            # Who takes a spoilt picture for a sound one leaves it as it is.
            with suppress(Unusable):
                pixels = tool(pixels)
        quality.add(shown, eye.look(pixels))
        quality.milliseconds.append(1000 * (time.process_time() - started))
        quality.psnr.append(_psnr(pixels, clean))
    return quality


def _psnr(pixels: Pixels, clean: Image.Image) -> float:
    given = Image.fromarray(pixels).resize(clean.size, Image.Resampling.BICUBIC)
    error = np.square(np.asarray(given, float) - np.asarray(clean, float)).mean()
    return float(10 * np.log10(255**2 / max(error, 0.01)))


def main() -> None:
    """Measures all mixtures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=64)
    drawn = (scene(seed) for seed in count())
    scenes = list(islice((one for one in drawn if stands_out(one, draw(one))), parser.parse_args().scenes))
    eye = Eye()
    eye.memory()
    mending = {
        Fault.NOISE: restoration.denoised,
        Fault.BLUR: restoration.deblurred,
        Fault.LOW_RESOLUTION: restoration.enlarged,
        Fault.GRAYSCALE: Colorizer(eye).colour,
    }
    for faults in MIXTURES:
        for tools in ([], [mending[fault] for fault in faults]) if faults else ([],):
            quality = measure(scenes, faults, tools, eye)
            means = {name: round(float(np.mean(values)), 3) for name, values in asdict(quality).items()}
            print(json.dumps({"faults": faults, "mended": bool(tools), **means}), flush=True)


if __name__ == "__main__":
    main()

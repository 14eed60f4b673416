"""Measures the shipped towers on held-out scenes: `python -m autoflow_scorer.towers.measure --scenes 1000`.

Plain transformers, one picture or text at a time in the order given; the service's own engine is not used, so
these figures are about the weights alone. Prints one JSON object; the card quotes it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn import functional
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from autoflow.suites.planning import IMAGE_FAULTS, Fault, Language
from autoflow.suites.scenes import (
    Purpose,
    Scene,
    caption,
    degrade,
    draw,
    lightly_degraded,
    near_miss,
    paraphrase,
    scene,
)
from autoflow_scorer.towers import path
from autoflow_scorer.towers.training.text import scores

_CHOICES = 16
_BATCH = 64

Figures = dict[str, float]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measures the shipped towers on held-out scenes.")
    parser.add_argument("--scenes", type=int, default=1_000, help="held-out scenes to measure on")
    parser.add_argument("--towers", type=Path, default=path("clip").parent, help="folder of the towers")
    arguments = parser.parse_args()
    measures = {"clip": clip, "text": text, "vit": vit}
    figures = {
        name: {
            key: round(value, 4) for key, value in measure(arguments.towers / name, arguments.scenes).items()
        }
        for name, measure in measures.items()
        if (arguments.towers / name).is_dir()
    }
    print(json.dumps({"scenes": arguments.scenes, **figures}, indent=2))


def clip(folder: Path, count: int) -> Figures:
    """How well pictures find their captions.

    Returns:
        `right_of_16`: the share of pictures whose own plain caption is nearer than those of 15 other scenes;
        `right_of_16_paraphrased`: the same in other words; `over_near_miss`: the share whose caption is
        nearer than one that is wrong in one attribute; `cosine_right` and `cosine_wrong`: means.
    """
    members, rng = _held_out(count), Random(0)
    seen = _pictures(folder, [draw(one) for one in members])
    plain = _captions(folder, [caption(one) for one in members])
    other_words = _captions(folder, [paraphrase(one, rng) for one in members])
    missed = _captions(folder, [caption(near_miss(one, 0)[0]) for one in members])
    right = (seen * plain).sum(1)
    return {
        "right_of_16": _right(seen, plain),
        "right_of_16_paraphrased": _right(seen, other_words),
        "over_near_miss": _share(right > (seen * missed).sum(1)),
        "cosine_right": float(right.mean()),
        "cosine_wrong": float((seen * plain.roll(1, 0)).sum(1).mean()),
    }


def vit(folder: Path, count: int) -> Figures:
    """How far spoilt pictures are from the true ones, and how far other scenes are.

    Returns:
        `light_over_other` and `faulty_over_other`: the shares of scenes of which a lightly degraded copy, and
        one with all four faults, is nearer than another scene; `cosine_…`: means.
    """
    images = [draw(one) for one in _held_out(count)]
    true = _pictures(folder, images)
    other = (true * true.roll(1, 0)).sum(1)
    light = _near(folder, true, images, lightly_degraded)
    faulty = _near(folder, true, images, lambda image, seed: degrade(image, IMAGE_FAULTS, seed))
    return {
        "light_over_other": _share(light > other),
        "faulty_over_other": _share(faulty > other),
        "cosine_light": _mean(light),
        "cosine_all_faults": _mean(faulty),
        "cosine_other": _mean(other),
    }


def vit_by_fault(folder: Path, count: int) -> Figures:
    """How a picture's distance from the true one follows each fault.

    Returns:
        The share of scenes whose copy is nearer with a third of the fault than with all of it (`less_…`), and
        nearer after a simple repair than before (`mended_…`); `cosine_…`: the mean with all of it.
    """
    images = [draw(one) for one in _held_out(count)]
    true = _pictures(folder, images)
    figures: Figures = {}
    for fault in IMAGE_FAULTS:
        name = fault.replace(" ", "_")
        full, less, mended = (
            _near(folder, true, images, partial(change, fault))
            for change in (degrade_fully, degrade_less, degrade_and_mend)
        )
        figures |= {f"less_{name}": _share(less > full), f"mended_{name}": _share(mended > full)}
        figures |= {f"cosine_{name}": _mean(full)}
    return figures


def text(folder: Path, count: int) -> Figures:
    """How BERTScore's F1 tells paraphrases from texts that differ in an attribute.

    Returns:
        By language, `…_over_near_miss`: the share of captions whose paraphrase scores above the paraphrase of
        a near miss; `…_over_same_words`: above a near miss in the very words of the caption; `…_over_other`:
        above another scene's caption; and the mean F1 of paraphrase, near miss in the same words, and other.
    """
    figures: Figures = {}
    for language in Language:
        members, rng = _held_out(count), Random(0)
        plain = [caption(one, language) for one in members]
        missed = [near_miss(one, 0)[0] for one in members]
        same = _f1(folder, plain, [paraphrase(one, rng, language) for one in members])
        miss = _f1(folder, plain, [paraphrase(one, rng, language) for one in missed])
        words = _f1(folder, plain, [caption(one, language) for one in missed])
        other = _f1(folder, plain, [*plain[1:], plain[0]])
        name = language.lower()
        figures |= {
            f"{name}_over_near_miss": _share(same > miss),
            f"{name}_over_same_words": _share(same > words),
            f"{name}_over_other": _share(same > other),
            f"{name}_f1_paraphrase": _mean(same),
            f"{name}_f1_same_words": _mean(words),
            f"{name}_f1_other": _mean(other),
        }
    return figures


def degrade_fully(fault: Fault, image: Image.Image, seed: int) -> Image.Image:
    """The fault as the suite has it."""
    return degrade(image, [fault], seed)


def degrade_less(fault: Fault, image: Image.Image, seed: int) -> Image.Image:
    """A third of the fault."""
    return degrade(image, [fault], seed, 1 / 3)


def degrade_and_mend(fault: Fault, image: Image.Image, seed: int) -> Image.Image:
    """The fault after a repair of a line or two; colours come back by half."""
    faulty = degrade(image, [fault], seed)
    match fault:
        case Fault.NOISE:
            return faulty.filter(ImageFilter.MedianFilter(3))
        case Fault.GRAYSCALE:
            return Image.blend(faulty, image, 0.5)
        case _:
            whole = faulty.resize(image.size, Image.Resampling.BICUBIC)
            return whole.filter(ImageFilter.UnsharpMask(2, 120, 0))


def _held_out(count: int) -> list[Scene]:
    return [scene(seed, Purpose.HELD_OUT) for seed in range(count)]


def _near(
    folder: Path,
    true: Tensor,
    images: Sequence[Image.Image],
    spoil: Callable[[Image.Image, int], Image.Image],
) -> Tensor:
    """The cosines of spoilt pictures to the true ones, [n]."""
    spoilt = [spoil(image, seed) for seed, image in enumerate(images)]
    return (_pictures(folder, spoilt) * true).sum(1)


def _pictures(folder: Path, images: Sequence[Image.Image]) -> Tensor:
    """Normalised embeddings of pictures, [n, width]; a ViT's is its class token's."""
    model = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32).eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    found = []
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            pixels = processor(list(images[start : start + _BATCH]), return_tensors="pt")["pixel_values"]
            is_clip = model.config.model_type == "clip"
            found.append(
                model.get_image_features(pixel_values=pixels).pooler_output
                if is_clip
                else model(pixel_values=pixels).last_hidden_state[:, 0]
            )
    return functional.normalize(torch.cat(found), dim=1)


def _captions(folder: Path, texts: Sequence[str]) -> Tensor:
    """Normalised embeddings of captions, [n, width]."""
    model = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    with torch.inference_mode():
        for start in range(0, len(texts), _BATCH):
            encoded = tokenizer(list(texts[start : start + _BATCH]), padding=True, return_tensors="pt")
            found.append(
                model.get_text_features(
                    input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]
                ).pooler_output
            )
    return functional.normalize(torch.cat(found), dim=1)


def _f1(folder: Path, references: Sequence[str], candidates: Sequence[str]) -> Tensor:
    """BERTScore's F1 of pairs, [n]."""
    model = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    with torch.inference_mode():
        for start in range(0, len(references), _BATCH):
            ours, theirs = references[start : start + _BATCH], candidates[start : start + _BATCH]
            encoded = tokenizer([*ours, *theirs], padding=True, return_tensors="pt")
            hidden = model(encoded["input_ids"], attention_mask=encoded["attention_mask"]).last_hidden_state
            embedded, ids = functional.normalize(hidden, dim=-1), encoded["input_ids"]
            for pair in zip(range(len(ours)), range(len(ours), len(ids)), strict=True):
                found.append(scores(embedded[list(pair)], ids[list(pair)], 1)[2].flatten())
    return torch.cat(found)


def _right(pictures: Tensor, captions: Tensor) -> float:
    """The share of pictures to which, of their own caption and the next 15, their own is nearest."""
    count = len(pictures)
    choices = (torch.arange(count)[:, None] + torch.arange(_CHOICES)) % count
    cosines = torch.einsum("nd,nkd->nk", pictures, captions[choices])
    return _share(cosines.argmax(1) == 0)


def _share(hits: Tensor) -> float:
    return float(hits.float().mean())


def _mean(values: Tensor) -> float:
    return float(values.mean())


if __name__ == "__main__":
    main()

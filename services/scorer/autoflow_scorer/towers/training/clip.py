"""The CLIP tower: pictures and captions of drawn scenes, told from each other and from near misses.

The loss is CLIP's (Radford et al., arXiv 2103.00020): within a batch, each picture is to find its caption and
each caption its picture. Each picture's choice also holds, for every other scene of the batch, a caption that
is wrong in one attribute, so that a bag of words is not enough. A linear head, thrown away afterwards, reads
kinds with their colours and sizes, place and time from both embeddings, which speeds the start up.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, PreTrainedTokenizerFast

from autoflow.suites.scenes import (
    Colour,
    Kind,
    Place,
    Purpose,
    Scene,
    Size,
    Time,
    caption,
    near_miss,
    paraphrase,
)
from autoflow_scorer.towers.training import pictures, tokens
from autoflow_scorer.towers.training.optimisation import Schedule, optimise

SIDE = 64
CONTEXT = 77
VOCABULARY = 640
SCHEDULE = Schedule(scenes=8_000, steps=650, batch=128, matrix_rate=4e-3, other_rate=2e-3)

_MEAN, _DEVIATION = (0.45, 0.42, 0.42), (0.28, 0.26, 0.27)
_PLAIN = 0.3
"""The share of plain captions; the rest are paraphrases."""


def train(out: Path, schedule: Schedule, cache: Path | None = None) -> dict[str, float]:
    """Trains the tower and writes it.

    Returns:
        The final losses.
    """
    torch.manual_seed(schedule.seed)
    members = pictures.scenes(Purpose.TRAINING, schedule.scenes)
    pixels = torch.from_numpy(pictures.clean(members, SIDE, cache, "training"))
    tokenizer = _tokenizer(members)
    # The eager attention is twice as fast as the fused one in training, for rows as short as these on CPU.
    model = CLIPModel._from_config(_config(), attn_implementation="eager")
    facts = _facts(members)
    head = nn.Linear(model.config.projection_dim, facts.shape[1])
    batches = _Batches(members, tokenizer, schedule)

    def losses(step: int) -> dict[str, Tensor]:
        chosen, ids, mask = batches.draw()
        image = model.get_image_features(pixel_values=_augmented(pixels[chosen], batches.dice)).pooler_output
        text = model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
        image, text = functional.normalize(image.float()), functional.normalize(text.float())
        scores = model.logit_scale.float().exp().clamp(max=100) * image @ text.T
        right = torch.arange(len(chosen))
        known = 8 * torch.cat([image, text[: len(chosen)]])
        return {
            "picture": functional.cross_entropy(scores, right),
            "caption": functional.cross_entropy(scores[:, : len(chosen)].T, right),
            "facts": 4
            * functional.binary_cross_entropy_with_logits(head(known).float(), facts[chosen].repeat(2, 1)),
        }

    final = optimise([model, head], schedule, losses, "clip")
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    _processor().save_pretrained(out)
    return final


class _Batches:
    """Scenes in random order, each with a true caption, and every other one with a near miss."""

    def __init__(self, members: list[Scene], tokenizer: PreTrainedTokenizerFast, schedule: Schedule) -> None:
        self._members, self._tokenizer, self._batch = members, tokenizer, schedule.batch
        self._rng = random.Random(schedule.seed)
        self.dice = torch.Generator().manual_seed(schedule.seed)

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """Indices of scenes [n], and ids and mask of their captions, then of near misses, [1.5n, length]."""
        chosen = torch.randperm(len(self._members), generator=self.dice)[: self._batch]
        right = [self._members[index] for index in chosen.tolist()]
        wrong = [near_miss(one, self._rng.getrandbits(30))[0] for one in right[::2]]
        encoded = self._tokenizer(
            [self._words(one) for one in [*right, *wrong]], padding=True, return_tensors="pt"
        )
        return chosen, encoded["input_ids"], encoded["attention_mask"]

    def _words(self, one: Scene) -> str:
        return caption(one) if self._rng.random() < _PLAIN else paraphrase(one, self._rng)


def _config() -> CLIPConfig:
    return CLIPConfig(
        text_config={
            "vocab_size": VOCABULARY,
            "hidden_size": 96,
            "intermediate_size": 288,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "hidden_act": "gelu",
            "max_position_embeddings": CONTEXT,
            "pad_token_id": tokens.PAD_ID,
            "bos_token_id": tokens.START_ID,
            # Not 2: transformers takes that for an old configuration, whose end is the text's largest id.
            "eos_token_id": tokens.END_ID,
        },
        vision_config={
            "image_size": SIDE,
            "patch_size": 8,
            "hidden_size": 128,
            "intermediate_size": 384,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "hidden_act": "gelu",
        },
        projection_dim=96,
    )


def _tokenizer(members: list[Scene]) -> PreTrainedTokenizerFast:
    rng = random.Random(0)
    texts = (words for one in members[:2_000] for words in (caption(one), paraphrase(one, rng)))
    return tokens.train_tokenizer(texts, VOCABULARY, CONTEXT)


def _processor() -> CLIPImageProcessorPil:
    side = {"height": SIDE, "width": SIDE}
    return CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size=side, image_mean=_MEAN, image_std=_DEVIATION
    )


def _facts(members: list[Scene]) -> Tensor:
    """What is true of every scene: kinds with colours and with sizes, place, time, [n, facts] of 0 and 1."""
    names = [*((k, c) for k in Kind for c in Colour), *((k, s) for k in Kind for s in Size), *Place, *Time]
    position = {name: index for index, name in enumerate(names)}
    facts = np.zeros((len(members), len(names)), np.float32)
    for row, one in zip(facts, members, strict=True):
        row[[position[one.place], position[one.time]]] = 1
        for thing in one.things:
            row[[position[thing.kind, thing.colour], position[thing.kind, thing.size]]] = 1
    return torch.from_numpy(facts)


def _augmented(pixels: Tensor, dice: torch.Generator) -> Tensor:
    """Normalised pictures [n, 3, side, side] from bytes [n, side, side, 3]: shifted, lit anew, noisy."""
    scaled = pixels.permute(0, 3, 1, 2).float() / 255
    down, across = (int(torch.randint(-3, 4, (), generator=dice)) for _ in range(2))
    padded = functional.pad(scaled, (3, 3, 3, 3), mode="replicate")
    scaled = padded[:, :, 3 + down : 3 + down + SIDE, 3 + across : 3 + across + SIDE]
    light = 1 + 0.1 * (torch.rand(len(scaled), 1, 1, 1, generator=dice) - 0.5)
    grain = 0.04 * torch.rand(len(scaled), 1, 1, 1, generator=dice)
    noisy = scaled * light + grain * torch.randn(scaled.shape, generator=dice)
    mean, deviation = torch.tensor(_MEAN).view(3, 1, 1), torch.tensor(_DEVIATION).view(3, 1, 1)
    return (noisy - mean) / deviation

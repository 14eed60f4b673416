"""CLIP Score against torchmetrics, and ViT Score against transformers: `python -m benchmarks.scorer_images`.

Models of the shapes of ViT-B/16 with random weights, resident, with the same number of threads on both sides;
images of 224 by 224 pixels, decoded. The baselines take one pair, or one image, a call, as programs without
an engine do; the engine takes them all. Differences are those of cosines.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from torch import Tensor
from torchmetrics.functional.multimodal import clip_score
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    PreTrainedTokenizerFast,
    ViTConfig,
    ViTModel,
)

from autoflow_scorer.engine.clip import ClipEncoder, ClipImages, ClipTexts
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.patches import Pixels
from autoflow_scorer.engine.vit import VitEncoder, VitTower
from benchmarks.alternating import compare
from scripts.test_parity import random_pairs

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_SIZE = 224
_START, _END = "<|startoftext|>", "<|endoftext|>"


class TensorClip(CLIPModel):
    """CLIP as torchmetrics 1.9 knows it: features are tensors, which since transformers 5 they are not."""

    def get_text_features(self, *inputs: Any) -> Tensor:
        """The texts' embeddings, not normalised."""
        features: Tensor = super().get_text_features(*inputs).pooler_output
        return features

    def get_image_features(self, *inputs: Any) -> Tensor:
        """The images' embeddings, not normalised."""
        features: Tensor = super().get_image_features(*inputs).pooler_output
        return features


class Processor:
    """What torchmetrics calls for texts and for images."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._texts = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=_END)
        self._images = CLIPImageProcessor()

    def __call__(self, text: Any = None, images: Any = None, **options: Any) -> Any:
        """Tokens or pixels."""
        if images is None:
            return self._texts(text, **options)
        return self._images(images, return_tensors=options["return_tensors"])


def clip_tokenizer(texts: list[str]) -> Tokenizer:
    """Byte pairs of those texts, between CLIP's start and end tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        special_tokens=[_START, _END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_START} $A {_END}", special_tokens=[(_START, 0), (_END, 1)]
    )
    tokenizer.enable_truncation(77)
    return tokenizer


def clip(images: Tensor, rounds: int) -> None:
    """Measures CLIP Score."""
    texts = [text for text, _ in random_pairs(len(images), 1, seed=5, words=(6, 16))]
    tokenizer = clip_tokenizer(texts)
    text = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    model = TensorClip(CLIPConfig(text_config=text, vision_config={"patch_size": 16}))
    model.train(False)
    processor: Any = Processor(tokenizer)
    pixels = Pixels(_SIZE, processor._images.image_mean, processor._images.image_std)

    def theirs() -> Tensor:
        # Not the class CLIPScore, whose `forward` embeds everything twice.
        return torch.stack(
            [
                clip_score(image, text, lambda: (model, processor))
                for image, text in zip(images, texts, strict=True)
            ]
        )

    def exact() -> Tensor:
        # torchmetrics gives nothing below 0, where the cosines of random weights may all be.
        with torch.inference_mode():
            embedded = model.get_text_features(*processor(texts, padding=True, return_tensors="pt").values())
            return F.cosine_similarity(embedded, model.get_image_features(pixels.normalized(images)))

    for name, dtype in DTYPES.items():
        linears = Linears.probe(dtype=dtype)
        towers = ClipTexts(model, linears), ClipImages(model, linears)
        encoder = ClipEncoder(tokenizer, *towers, pixels, width=512)

        def ours(encoder: ClipEncoder = encoder) -> Tensor:
            found = encoder.encode_texts(encoder.tokenize(texts))
            return (found * encoder.encode_images(images)).sum(1)

        difference = (ours() - exact()).abs().max().item()
        compare(
            f"scorer.clip_{name}",
            "pairs",
            len(images),
            theirs,
            ours,
            rounds=rounds,
            conditions=f"ViT-B/16, {len(images)} pairs, baseline torchmetrics per pair in fp32, "
            f"cosines differ from transformers' by {difference:.1e} at most",
        )


def vit(images: Tensor, rounds: int) -> None:
    """Measures ViT Score's embeddings."""
    model: Any = ViTModel(ViTConfig(), add_pooling_layer=False).eval()
    pixels = Pixels(_SIZE, [0.5] * 3, [0.5] * 3)

    def theirs() -> Tensor:
        with torch.inference_mode():
            hidden = [model(pixels.normalized(image[None])).last_hidden_state[0, 0] for image in images]
        return F.normalize(torch.stack(hidden), dim=1)

    for name, dtype in DTYPES.items():
        encoder = VitEncoder(pixels, VitTower(model, Linears.probe(dtype=dtype)), model.config.hidden_size)
        found, expected = encoder.encode_images(images), theirs()
        difference = (found @ found.T - expected @ expected.T).abs().max().item()
        compare(
            f"scorer.vit_{name}",
            "images",
            len(images),
            theirs,
            partial(encoder.encode_images, images),
            rounds=rounds,
            conditions=f"ViT-B/16, {len(images)} images, baseline transformers per image in fp32, "
            f"cosines differ by {difference:.1e} at most",
        )


def main() -> None:
    """Runs what the command asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="torch's threads, for both sides")
    parser.add_argument("--images", type=int, default=8, help="of a round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    images = torch.randint(0, 256, (options.images, 3, _SIZE, _SIZE), dtype=torch.uint8)
    clip(images, options.rounds)
    vit(images, options.rounds)


if __name__ == "__main__":
    main()

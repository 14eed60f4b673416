"""The scorer's engine on a CUDA GPU: `python -m benchmarks.scorer_gpu`.

Models of real shapes with random weights, in float32 (without TF32) and bfloat16: encoders of texts like
RoBERTa-large and MiniLM-L6, CLIP and ViT of the size B/16. Told are pairs and pictures a second beside
transformers' own forward passes on the same device, and the share of the device's peak. The peak is the best
of some products of large matrices in the same run; the work is the mathematics that the models need, without
padding, norms and resizing. What the buckets' few shapes gain over packed rows, and what compiling them gains
over running them as they are, is told for the encoders of texts. Every figure is a median of wall times with
the device idle before and after; compiling is done before.

Left out: tokenising and decoding, which other threads do meanwhile. Ends with 3 where there is no GPU;
`--device cpu --tiny` shows that the script works, and nothing else.
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import truediv
from typing import Any

import torch
from PIL import Image
from tokenizers import Tokenizer, models
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPModel,
    RobertaConfig,
    RobertaModel,
    ViTConfig,
    ViTModel,
)

from autoflow.images import ImageLimits
from autoflow_scorer.engine.bodies import PackedBody, PaddedBody
from autoflow_scorer.engine.buckets import Buckets
from autoflow_scorer.engine.clip import ClipEncoder, ClipImages, ClipTexts
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.matching import bertscore
from autoflow_scorer.engine.packing import Packed, Passes, Tokens
from autoflow_scorer.engine.patches import Pixels
from autoflow_scorer.engine.resizing import Resizing
from autoflow_scorer.engine.text import TextEncoder
from autoflow_scorer.engine.vit import PlainTower, VitEncoder, VitTower
from autoflow_scorer.metrics.embedding import EmbeddingJudge
from benchmarks.gpu import NO_GPU, device_name, layers_flops, no_gpu, peak, seconds
from benchmarks.report import Measurement

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_SPECIAL = frozenset({0, 2})
_START, _END = 0, 2
_OTHERS = {"packed": "packed rows", "uncompiled": "the same shapes uncompiled"}


@dataclass(frozen=True, slots=True)
class Bench:
    """On what, how large, and how often."""

    device: torch.device
    dtype: torch.dtype
    suffix: str
    """Of the measurements' names."""
    tiny: bool
    rounds: int
    peak: float
    """FLOP a second."""

    @property
    def buckets(self) -> Buckets:
        """The passes that are measured."""
        return Buckets((64,), (4,), backend="aot_eager") if self.tiny else Buckets()

    def linears(self, passes: Passes) -> Linears:
        """The layers that are measured; on a CPU without oneDNN's layout, for that is another benchmark's."""
        return Linears(self.device, self.dtype, prepacked=False, passes=passes)

    def compare(
        self,
        name: str,
        what: str,
        units: int,
        flops: float,
        ours: Callable[[], object],
        theirs: Callable[[], object] | None,
        conditions: str,
    ) -> None:
        """Measures both in turns and tells how fast they are, and how near ours comes to the peak.

        Args:
            name: of the measurement, without the type.
            what: the units.
            units: in a round.
            flops: of a round, counted by hand; 0 where the peak does not matter.
            ours: a round.
            theirs: the same by other means; None where there is no such thing.
            conditions: what is done.
        """
        own, other = [], []
        for _ in range(self.rounds):
            own.append(seconds(ours, self.device))
            other += [seconds(theirs, self.device)] if theirs is not None else []
        conditions += f"; {device_name(self.device)}, torch {torch.__version__}, median of {self.rounds}"
        Measurement(
            f"scorer.gpu_{name}_{self.suffix}",
            f"{what}/s",
            units / statistics.median(other) if other else None,
            units / statistics.median(own),
            statistics.median(map(truediv, other, own)) if other else None,
            "higher",
            conditions,
        ).tell()
        if not flops:
            return
        reached = flops / statistics.median(own)
        Measurement(
            f"scorer.gpu_{name}_{self.suffix}_flops",
            "TFLOP/s",
            self.peak / 1e12,
            reached / 1e12,
            reached / self.peak,
            "higher",
            f"baseline: a product of large matrices; the ratio is the share of the peak; {conditions}",
        ).tell()


def some_texts(count: int, vocabulary: int, longest: int, end: int = _END) -> list[Tokens]:
    """Texts of random tokens, as long as answers and captions are."""
    rng = random.Random(0)
    return [
        (_START, *(rng.randrange(3, vocabulary - 1) for _ in range(rng.randint(6, longest))), end)
        for _ in range(count)
    ]


def text(bench: Bench, name: str, model: Any) -> None:
    """BERTScore with one encoder: as many texts as twice the pairs, all different."""
    config = model.config
    pairs = 8 if bench.tiny else 1024
    texts = some_texts(2 * pairs, config.vocab_size, 58)
    weights = [torch.tensor([0.0, *[1.0] * (len(each) - 2), 0.0]) for each in texts]

    def scoring(encoder: TextEncoder) -> Callable[[], Tensor]:
        def score() -> Tensor:
            found = encoder.encode(texts)
            return bertscore(
                list(zip(found[::2], found[1::2], strict=True)),
                list(zip(weights[::2], weights[1::2], strict=True)),
            )

        return score

    def packed(passes: Passes) -> Callable[[], Tensor]:
        body = PackedBody(model, "gelu", bench.linears(passes))
        return scoring(TextEncoder(unused, _SPECIAL, body, passes))

    unused, rows = Tokenizer(models.BPE()), Packed(bench.buckets.tokens[0])
    ours, others = packed(bench.buckets), {"packed": packed(rows)}
    others["uncompiled"] = packed(replace(bench.buckets, backend=None))
    theirs = scoring(TextEncoder(unused, _SPECIAL, PaddedBody(model, bench.linears(rows)), rows))
    difference = (ours() - theirs()).abs().max().item()
    bench.compare(
        name,
        "pairs",
        pairs,
        layers_flops([len(each) for each in texts], config),
        ours,
        theirs,
        f"BERTScore of {pairs} pairs, baseline transformers' padded forward of texts sorted by length, "
        f"{rows.tokens} tokens at once, scores differ by {difference:.1e} at most",
    )
    for other, run in others.items():
        difference = (ours() - run()).abs().max().item()
        told = f"the same pairs, baseline {_OTHERS[other]}, scores differ by {difference:.1e} at most"
        bench.compare(f"{name}_over_{other}", "pairs", pairs, 0, ours, run, told)


def clip(bench: Bench, model: Any) -> None:
    """CLIP Score of different pairs."""
    count, vision, reading = 4 if bench.tiny else 256, model.config.vision_config, model.config.text_config
    pixels = Pixels(vision.image_size, [0.48, 0.46, 0.41], [0.27, 0.26, 0.28], bench.device)
    linears = bench.linears(bench.buckets)
    towers = ClipTexts(model, linears), ClipImages(model, linears)
    encoder = ClipEncoder(
        Tokenizer(models.BPE()), *towers, pixels, model.config.projection_dim, linears.passes
    )
    texts, images = (
        some_texts(count, reading.vocab_size, 20, reading.eos_token_id),
        some_images(bench, count, vision.image_size),
    )
    model.to(bench.device, bench.dtype)

    def ours() -> Tensor:
        return (encoder.encode_texts(texts) * encoder.encode_images(images)).sum(1)

    def theirs() -> Tensor:
        ids = pad_sequence([torch.tensor(each) for each in texts], True, reading.eos_token_id).to(
            bench.device
        )
        with torch.inference_mode():
            read = model.get_text_features(input_ids=ids).pooler_output
            seen = model.get_image_features(pixels.normalized(images).to(bench.dtype)).pooler_output
            return torch.nn.functional.cosine_similarity(read.float(), seen.float())

    difference = (ours() - theirs()).abs().max().item()
    flops = layers_flops([(vision.image_size // vision.patch_size) ** 2 + 1] * count, vision, pooled=True)
    flops += layers_flops([len(each) for each in texts], reading, pooled=True, causal=True)
    told = f"CLIP Score of {count} pairs, baseline transformers with padded texts, differ by {difference:.1e}"
    bench.compare("clip_b16", "pairs", count, flops, ours, theirs, f"{told} at most")


def vit(bench: Bench, model: Any) -> None:
    """ViT's embeddings of pictures on the device, and of pictures in the host's memory."""
    count, config = 4 if bench.tiny else 256, model.config
    pixels = Pixels(config.image_size, [0.5] * 3, [0.5] * 3, bench.device)
    linears, at_once = bench.linears(bench.buckets), Packed(images=bench.buckets.images[0])
    encoder = VitEncoder(pixels, VitTower(model, linears), config.hidden_size, linears.passes)
    plain = VitEncoder(pixels, PlainTower(model, linears), config.hidden_size, at_once)
    images = some_images(bench, count, config.image_size)
    tokens = (config.image_size // config.patch_size) ** 2 + 1
    flops = layers_flops([tokens] * count, config, pooled=True)
    difference = (encoder.encode_images(images) - plain.encode_images(images)).abs().max().item()
    bench.compare(
        "vit_b16",
        "images",
        count,
        flops,
        lambda: encoder.encode_images(images),
        lambda: plain.encode_images(images),
        f"{count} images on the device, baseline transformers, numbers differ by {difference:.1e} at most",
    )
    resizing = Resizing(config.image_size, True, config.image_size, Image.Resampling.BICUBIC)
    judge = EmbeddingJudge(encoder, resizing, tokens, bench.device, ImageLimits(), "", 0)
    photo = io.BytesIO()
    Image.effect_noise((640, 480), 60).convert("RGB").save(photo, "JPEG")
    decoded = [judge.read(photo.getvalue(), None) for _ in range(count)]
    told = f"{count} decoded pictures of 640 x 480 in the host's memory, moved and resized as well"
    bench.compare("vit_b16_pictures", "images", count, flops, lambda: judge.embed(decoded), None, told)


def some_images(bench: Bench, count: int, size: int) -> Tensor:
    """Pictures of noise, on the device."""
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8).to(bench.device)


def shape(width: int, layers: int, heads: int) -> dict[str, Any]:
    """A stack of layers in transformers' names."""
    inner = {"hidden_size": width, "intermediate_size": 4 * width}
    return {**inner, "num_hidden_layers": layers, "num_attention_heads": heads}


def measure(bench: Bench) -> None:
    """Measures every model."""
    tiny: dict[str, Any] = shape(32, 2, 4) if bench.tiny else {}
    seen: dict[str, Any] = {"image_size": 32 if bench.tiny else 224, "patch_size": 16}
    large, mini = tiny or shape(1024, 24, 16), tiny or shape(384, 6, 12)
    roberta = RobertaConfig(vocab_size=50_265, max_position_embeddings=514, **large)
    text(bench, "roberta_large", RobertaModel(roberta, add_pooling_layer=False).eval())
    text(bench, "minilm", BertModel(BertConfig(**mini), add_pooling_layer=False).eval())
    reading: dict[str, Any] = {"bos_token_id": _START, "eos_token_id": 49_407, "vocab_size": 49_408, **tiny}
    clip(bench, CLIPModel(CLIPConfig(text_config=reading, vision_config={**seen, **tiny})).eval())
    vit(bench, ViTModel(ViTConfig(**seen, **tiny), add_pooling_layer=False).eval())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what the command asks for.

    Args:
        arguments: of the command; `sys.argv` by default.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda", help="where; a CPU's figures mean nothing here")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes, to see that the script works")
    parser.add_argument("--rounds", type=int, default=10, help="of each measurement")
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    if device.type == "cuda" and (reason := no_gpu()):
        print(reason, file=sys.stderr)
        return NO_GPU
    torch.manual_seed(0)
    for suffix, dtype in DTYPES.items():
        highest = peak(device, dtype, 256 if options.tiny else 8192)
        measure(Bench(device, dtype, suffix, options.tiny, options.rounds, highest))
    return 0


if __name__ == "__main__":
    sys.exit(main())

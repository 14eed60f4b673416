"""The scorer's engine on a CUDA GPU: `python -m benchmarks.scorer_gpu`.

Models of real shapes with random weights, in float32 (without TF32) and bfloat16: encoders of texts like
RoBERTa-large and MiniLM-L6, CLIP and ViT of the size B/16. Told are pairs and pictures a second beside
transformers' own forward passes on the same device, and the share of the device's peak. The peak is the best
of some products of large matrices in the same run; the work is the mathematics that the models need, without
padding, norms and resizing. Every figure is a median of wall times with the device idle before and after.

Left out: tokenising and decoding, which other threads do meanwhile. Ends with 3 where there is no GPU;
`--device cpu --tiny` shows that the script works, and nothing else.
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from autoflow_scorer.engine.bodies import PackedBody, PaddedBody, Tokens
from autoflow_scorer.engine.clip import ClipEncoder, ClipImages, ClipTexts
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.matching import bertscore
from autoflow_scorer.engine.patches import Pixels
from autoflow_scorer.engine.resizing import Resizing
from autoflow_scorer.engine.text import TextEncoder
from autoflow_scorer.engine.vit import PlainTower, VitEncoder, VitTower
from autoflow_scorer.metrics.embedding import EmbeddingJudge
from benchmarks.report import Measurement

NO_GPU = 3
"""The exit status where there is nothing to measure on."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_SPECIAL = frozenset({0, 2})
_START, _END = 0, 2


def no_gpu() -> str:
    """Why nothing can be measured or tested; empty where it can."""
    if torch.cuda.is_available():
        return ""
    if torch.version.cuda is None:
        return f"there is nothing to try: torch {torch.__version__} was built without CUDA"
    return f"there is nothing to try: torch {torch.__version__} finds no GPU for CUDA {torch.version.cuda}"


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
    def linears(self) -> Linears:
        """The layers that are measured; on a CPU without oneDNN's layout, for that is another benchmark's."""
        return Linears(self.device, self.dtype, prepacked=False)

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
            flops: of a round, counted by hand.
            ours: a round.
            theirs: the same by transformers; None where there is no such thing.
            conditions: what is done.
        """
        own, other = [], []
        for _ in range(self.rounds):
            own.append(seconds(ours, self.device))
            other += [seconds(theirs, self.device)] if theirs is not None else []
        reached = flops / statistics.median(own)
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
        Measurement(
            f"scorer.gpu_{name}_{self.suffix}_flops",
            "TFLOP/s",
            self.peak / 1e12,
            reached / 1e12,
            reached / self.peak,
            "higher",
            f"baseline: a product of large matrices; the ratio is the share of the peak; {conditions}",
        ).tell()


def device_name(device: torch.device) -> str:
    """As its maker calls it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """What the work takes, from an idle device to an idle device."""
    _settle(device)
    started = time.perf_counter()
    work()
    _settle(device)
    return time.perf_counter() - started


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak(device: torch.device, dtype: torch.dtype, size: int) -> float:
    """The best of some products of two matrices of that size, in FLOP a second."""
    one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    with torch.inference_mode():
        return 2 * size**3 / min(seconds(lambda: one @ other, device) for _ in range(12))


def layers_flops(lengths: Sequence[int], config: Any, *, pooled: bool = False, causal: bool = False) -> float:
    """The products of a stack of layers, an addition and a multiplication each a FLOP.

    Args:
        lengths: of the sequences, in tokens.
        config: of the model, in transformers' names.
        pooled: whether the last layer is wanted for one token a sequence.
        causal: whether half of the attention is not needed.
    """
    width: int = config.hidden_size
    inner: int = config.intermediate_size
    layers: int = config.num_hidden_layers
    tokens, squares = sum(lengths), sum(length**2 for length in lengths) / (2 if causal else 1)
    linear = 2 * (4 * width**2 + 2 * width * inner)
    full = tokens * linear + 4 * squares * width
    last = 4 * tokens * width**2 + len(lengths) * (linear - 4 * width**2) + 4 * tokens * width
    return full * layers if not pooled else full * (layers - 1) + last


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

    unused, at_once = Tokenizer(models.BPE()), 64 if bench.tiny else bench.linears.tokens_per_pass
    ours = scoring(TextEncoder(unused, _SPECIAL, PackedBody(model, "gelu", bench.linears), at_once))
    theirs = scoring(TextEncoder(unused, _SPECIAL, PaddedBody(model, bench.linears), at_once))
    difference = (ours() - theirs()).abs().max().item()
    bench.compare(
        name,
        "pairs",
        pairs,
        layers_flops([len(each) for each in texts], config),
        ours,
        theirs,
        f"BERTScore of {pairs} pairs, baseline transformers' padded forward of texts sorted by length, "
        f"{at_once} tokens at once, scores differ by {difference:.1e} at most",
    )


def clip(bench: Bench, model: Any) -> None:
    """CLIP Score of different pairs."""
    count, vision, reading = 4 if bench.tiny else 256, model.config.vision_config, model.config.text_config
    pixels = Pixels(vision.image_size, [0.48, 0.46, 0.41], [0.27, 0.26, 0.28])
    towers = ClipTexts(model, bench.linears), ClipImages(model, bench.linears)
    encoder = ClipEncoder(
        Tokenizer(models.BPE()), *towers, pixels, model.config.projection_dim, 16_384, images_per_pass=count
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
    pixels = Pixels(config.image_size, [0.5] * 3, [0.5] * 3)
    encoder = VitEncoder(pixels, VitTower(model, bench.linears), config.hidden_size, images_per_pass=count)
    plain = VitEncoder(pixels, PlainTower(model, bench.linears), config.hidden_size, images_per_pass=count)
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

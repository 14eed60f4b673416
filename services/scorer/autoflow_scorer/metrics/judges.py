"""Loads the models of neural metrics. Importing this module imports torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.utils.hub import cached_file

from autoflow.images import ImageLimits
from autoflow_scorer.engine.clip import ClipEncoder
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.loading import Source, load_config
from autoflow_scorer.engine.resizing import Resizing
from autoflow_scorer.engine.text import TextEncoder
from autoflow_scorer.engine.vit import VitEncoder
from autoflow_scorer.engine.weights import Weights
from autoflow_scorer.metrics.bertscore import BertScoreJudge
from autoflow_scorer.metrics.catalogue import NeuralSpec
from autoflow_scorer.metrics.embedding import EmbeddingJudge
from autoflow_scorer.metrics.judging import Judge

BASELINE = "bertscore_baseline.json"
"""Beside a model's weights: in `layers`, from the embeddings up, the mean scores of unrelated texts by each
layer, or null where nobody measured them."""
_SCORES = ("precision", "recall", "f1")

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def load_judge(spec: NeuralSpec, device: str, dtype: str, limits: ImageLimits) -> Judge:
    """Loads the model of a metric.

    Args:
        spec: the metric.
        device: `auto`, or a device of torch's.
        dtype: `float32` or `bfloat16`.
        limits: what pictures may be.

    Raises:
        OSError: there is no such model, or it has no weights in safetensors.
        ValueError: it is a model of another kind.
    """
    linears = Linears.probe(_device(device), _DTYPES[dtype])
    weights = Weights.of(spec.source)
    size = weights.parameters * linears.dtype.itemsize
    if spec.kind == "bertscore":
        encoder = TextEncoder.load(spec.source, linears, layers=spec.layer)
        return BertScoreJudge(encoder, _baseline(spec), linears.device, weights.digest, size)
    config: Any = load_config(spec.source)
    seeing = config.vision_config if spec.kind == "clip" else config
    patches = (seeing.image_size // seeing.patch_size) ** 2 + 1
    kind = ClipEncoder if spec.kind == "clip" else VitEncoder
    return EmbeddingJudge(
        kind.load(spec.source, linears),
        Resizing.load(spec.source),
        patches,
        linears.device,
        limits,
        weights.digest,
        size,
    )


def _device(name: str) -> str:
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def _baseline(spec: NeuralSpec) -> Tensor | None:
    found = _beside(spec.source)
    if found is None:
        return None
    layer = spec.layer or load_config(spec.source).num_hidden_layers
    try:
        row = json.loads(found.read_text(encoding="utf-8"))["layers"][layer]
        return None if row is None else torch.tensor([float(row[name]) for name in _SCORES])
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"{BASELINE} of {spec.source} has no scores of layer {layer}") from error


def _beside(source: Source) -> Path | None:
    found = cached_file(
        str(source),
        BASELINE,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if found is None else Path(found)

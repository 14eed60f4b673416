"""Loads models of transformers: their configuration, weights and tokenizer, from a folder or a hub.

Weights are read from safetensors files only, never unpickled, and no code of a model's own is run. Whether a
hub may be asked at all is the environment's affair (`HF_HUB_OFFLINE`). Does not protect against weights that
are not what their name says: pin a revision or a folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    ImageProcessingMixin,
    PreTrainedConfig,
    PreTrainedModel,
)

from autoflow.weights import loading
from autoflow_scorer.engine.patches import Pixels

Source = str | Path
"""A folder in Hugging Face's format, or a model's id on a hub."""


def load_config(source: Source) -> PreTrainedConfig:
    """Reads what a model is.

    Raises:
        OSError: there is no such model.
    """
    config: PreTrainedConfig = AutoConfig.from_pretrained(source, trust_remote_code=False)
    return config


def load_model(source: Source, config: PreTrainedConfig) -> PreTrainedModel:
    """Reads a model's weights, in float32, on CPU.

    Args:
        source: where they are.
        config: the model's, or one with fewer layers: those that it lacks are not read.

    Raises:
        OSError: there are no weights in safetensors.
    """
    with loading():
        model: PreTrainedModel = AutoModel.from_pretrained(
            source, config=config, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    model.train(False)
    return model


def load_tokenizer(source: Source, positions: int) -> tuple[Tokenizer, frozenset[int]]:
    """Reads a model's tokenizer.

    Args:
        source: where it is.
        positions: the longest text that the model takes, in tokens; the tokenizer's own limit may be lower.

    Returns:
        The tokenizer, which truncates and does not pad; and the numbers of its first and last special token.

    Raises:
        OSError: there is none.
        ValueError: it has no form without Python code.
    """
    outer: Any = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    inner = getattr(outer, "backend_tokenizer", None)
    if not isinstance(inner, Tokenizer):
        raise ValueError(f"the tokenizer of {source} has no tokenizer.json")
    inner.no_padding()
    inner.enable_truncation(min(positions, outer.model_max_length))
    special = (outer.cls_token_id, outer.sep_token_id)
    return inner, frozenset(each for each in special if each is not None)


def longest_text(tokenizer: Tokenizer) -> int:
    """The tokens to which a tokenizer of `load_tokenizer` truncates."""
    truncation: Any = tokenizer.truncation
    return int(truncation["max_length"])


def load_pixels(source: Source, device: torch.device) -> Pixels:
    """Reads what a model wants its images to be.

    Args:
        source: where it is.
        device: where the model lives.

    Raises:
        OSError: there is no preprocessor_config.json.
    """
    settings, _ = ImageProcessingMixin.get_image_processor_dict(source)
    size = settings.get("crop_size") or settings["size"]
    return Pixels(
        size if isinstance(size, int) else size["height"],
        settings["image_mean"],
        settings["image_std"],
        device,
    )

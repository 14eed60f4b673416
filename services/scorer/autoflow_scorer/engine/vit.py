"""Image encoders: images to one embedding each, for ViT Score.

The embedding is the class token's state after the last norm, at length 1 (as Caron et al. 2021,
arXiv:2104.14294, compare images). The last layer is computed for that token only. A ViT runs as packed rows;
any other vision transformer whose class token stands first runs as transformers implements it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from autoflow_scorer.engine.layers import ACTIVATIONS, Form, Layers, Names, Norm, State
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.loading import Source, load_config, load_model, load_pixels
from autoflow_scorer.engine.patches import ImageEncoder, PatchEmbedding, Tower

_VIT = Names(
    query="attention.q_proj",
    key="attention.k_proj",
    value="attention.v_proj",
    out="attention.o_proj",
    norm1="layernorm_before",
    fc1="mlp.fc1",
    fc2="mlp.fc2",
    norm2="layernorm_after",
)


class VitEncoder(ImageEncoder):
    """Embeddings of images; its tower computes the class token's state."""

    @classmethod
    def load(cls, source: Source, linears: Linears) -> VitEncoder:
        """Loads a model.

        Raises:
            OSError: there is no such model, or it has no weights in safetensors.
        """
        config: Any = load_config(source)
        model = load_model(source, config)
        packed = config.model_type == "vit" and config.hidden_act in ACTIVATIONS and config.qkv_bias
        tower: Tower = VitTower(model, linears) if packed else PlainTower(model, linears)
        return cls(load_pixels(source, linears.device), tower, config.hidden_size, linears.passes)


class VitTower:
    """A ViT over packed rows.

    Args:
        model: of transformers; its parameters are copied.
        linears: device, type and kernel.
    """

    def __init__(self, model: PreTrainedModel, linears: Linears) -> None:
        config: Any = model.config
        state: State = model.state_dict()
        patches = "embeddings.patch_embeddings.projection"
        self._device = linears.device
        self._embed = PatchEmbedding(
            state[f"{patches}.weight"],
            state[f"{patches}.bias"],
            state["embeddings.cls_token"][0, 0],
            state["embeddings.position_embeddings"][0],
            linears,
        )
        form = Form(config.num_attention_heads, config.layer_norm_eps, config.hidden_act, pre_norm=True)
        self._layers = Layers(state, "layers", config.num_hidden_layers, _VIT, form, linears, pooling=True)
        self._norm = Norm.of(state, "layernorm", config.layer_norm_eps, linears)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Computes the class tokens' states."""
        x, run = self._embed(pixels.to(self._device))
        rows = torch.arange(run.count, device=self._device) * run.length
        return self._norm(self._layers.pool(x, [run], rows))


class PlainTower:
    """A vision transformer as transformers runs it.

    Args:
        model: taken over and moved.
        linears: device and type.
    """

    def __init__(self, model: PreTrainedModel, linears: Linears) -> None:
        module: Any = model
        self._model = module.to(linears.device, linears.dtype)
        self._place = linears.place

    def __call__(self, pixels: Tensor) -> Tensor:
        """Computes the first tokens' states."""
        hidden: Tensor = self._model(pixel_values=self._place(pixels)).last_hidden_state
        return hidden[:, 0]

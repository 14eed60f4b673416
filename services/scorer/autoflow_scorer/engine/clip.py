"""CLIP's two towers: texts and images to embeddings in one space (Radford et al. 2021, arXiv:2103.00020).

A text's embedding is the state of its end token; because a token sees only those before it, what follows the
end is dropped. An image's is the class token's. The last layers are computed for those tokens only. Other
two-tower models (SigLIP and the like) are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from autoflow_scorer.engine.device import attempt, in_memory
from autoflow_scorer.engine.layers import ACTIVATIONS, Form, Layers, Names, Norm, State
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.loading import (
    Source,
    load_config,
    load_model,
    load_pixels,
    load_tokenizer,
    longest_text,
)
from autoflow_scorer.engine.packing import Passes, Tokens
from autoflow_scorer.engine.patches import ImageEncoder, PatchEmbedding, Pixels

_CLIP = Names(
    query="self_attn.q_proj",
    key="self_attn.k_proj",
    value="self_attn.v_proj",
    out="self_attn.out_proj",
    norm1="layer_norm1",
    fc1="mlp.fc1",
    fc2="mlp.fc2",
    norm2="layer_norm2",
)
# Older checkpoints name 2 as the end token and mean the token of the highest number.
_MISNAMED_END = 2


class ClipEncoder(ImageEncoder):
    """Embeddings of texts and images.

    Args:
        tokenizer: truncates to what the model takes.
        texts: the tower of texts.
        images: the tower of images.
        pixels: what the model wants of images.
        width: of the embeddings.
        passes: what goes through a tower together.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        texts: ClipTexts,
        images: ClipImages,
        pixels: Pixels,
        width: int,
        passes: Passes | None = None,
    ) -> None:
        super().__init__(pixels, images, width, passes)
        self._tokenizer = tokenizer
        self._texts = texts

    @classmethod
    def load(cls, source: Source, linears: Linears) -> ClipEncoder:
        """Loads a model.

        Raises:
            OSError: there is no such model, or it has no weights in safetensors.
            ValueError: it is no CLIP, or has no tokenizer.json.
        """
        config: Any = load_config(source)
        activations = {
            getattr(getattr(config, f"{part}_config", None), "hidden_act", None)
            for part in ("text", "vision")
        }
        if config.model_type != "clip" or not activations <= ACTIVATIONS.keys():
            raise ValueError(f"{source} is no CLIP that this engine knows")
        model = load_model(source, config)
        tokenizer, _ = load_tokenizer(source, config.text_config.max_position_embeddings)
        return cls(
            tokenizer,
            ClipTexts(model, linears),
            ClipImages(model, linears),
            load_pixels(source, linears.device),
            config.projection_dim,
            linears.passes,
        )

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Turns texts into tokens up to their end token, the start token first."""
        return [
            self._texts.until_end(encoding.ids) for encoding in self._tokenizer.encode_batch_fast(list(texts))
        ]

    def encode_texts(self, tokens: Sequence[Tokens]) -> Tensor:
        """Embeds texts, equal ones once.

        Args:
            tokens: what `tokenize` gave.

        Returns:
            [texts, width], float32, rows of length 1, on the model's device.

        Raises:
            ResourceExhausted: the device has no memory for a few of them.
        """
        if not tokens:
            return torch.empty(0, self._width)
        distinct = sorted(set(tokens), key=len)
        with torch.inference_mode():
            found = torch.cat([in_memory(self._texts, batch) for batch in self._passes.cut(distinct)])
            places = {text: i for i, text in enumerate(distinct)}
            return F.normalize(found.float(), dim=-1)[[places[text] for text in tokens]]

    def warm_up(self) -> Iterator[None]:
        """Runs a pass of each shape that passes can have, one a step; of images first."""
        yield from super().warm_up()
        for texts in self._passes.text_trials(longest_text(self._tokenizer)):
            attempt(self._texts, texts)
            yield


class ClipTexts:
    """The tower of texts.

    Args:
        model: of transformers; its parameters are copied.
        linears: device, type and kernel.
    """

    def __init__(self, model: PreTrainedModel, linears: Linears) -> None:
        config: Any = model.config.text_config
        state: State = model.state_dict()
        name = "text_model.embeddings"
        self._end = None if config.eos_token_id == _MISNAMED_END else config.eos_token_id
        self._linears = linears
        self._longest: int = config.max_position_embeddings
        self._words = linears.place(state[f"{name}.token_embedding.weight"])
        self._positions = linears.place(state[f"{name}.position_embedding.weight"])
        form = _form(config, causal=True)
        self._layers = Layers(
            state, "text_model.encoder.layers", config.num_hidden_layers, _CLIP, form, linears, pooling=True
        )
        self._norm = Norm.of(state, "text_model.final_layer_norm", form.eps, linears)
        self._project = linears.make(state["text_projection.weight"])

    def until_end(self, ids: Sequence[int]) -> Tokens:
        """Drops what follows the token whose state is the text's embedding."""
        end = max(ids) if self._end is None else self._end
        # Without an end token transformers takes the first token's state.
        return tuple(ids[: ids.index(end) + 1 if end in ids else 1])

    def __call__(self, texts: Sequence[Tokens]) -> Tensor:
        """Embeds texts that end with their end token and are sorted by length: [texts, dimensions]."""
        send, device = self._linears.send, self._linears.device
        layout = self._linears.passes.lay(texts, self._longest, 0)
        x = self._words[send(layout.tokens())] + self._positions[layout.places(device)]
        real = send(layout.real()) if layout.padded else None
        ends = send(layout.last_rows())
        return self._project(self._norm(self._layers.pool(x, layout.runs, ends, real)))[: len(texts)]


class ClipImages:
    """The tower of images.

    Args:
        model: of transformers; its parameters are copied.
        linears: device, type and kernel.
    """

    def __init__(self, model: PreTrainedModel, linears: Linears) -> None:
        config: Any = model.config.vision_config
        state: State = model.state_dict()
        name = "vision_model.embeddings"
        form = _form(config)
        self._device = linears.device
        self._embed = PatchEmbedding(
            state[f"{name}.patch_embedding.weight"],
            None,
            state[f"{name}.class_embedding"],
            state[f"{name}.position_embedding.weight"],
            linears,
        )
        self._first_norm = Norm.of(state, "vision_model.pre_layrnorm", form.eps, linears)
        self._layers = Layers(
            state, "vision_model.encoder.layers", config.num_hidden_layers, _CLIP, form, linears, pooling=True
        )
        self._norm = Norm.of(state, "vision_model.post_layernorm", form.eps, linears)
        self._project = linears.make(state["visual_projection.weight"])

    def __call__(self, pixels: Tensor) -> Tensor:
        """Embeds normalised images [n, 3, size, size]: [n, dimensions]."""
        x, run = self._embed(pixels.to(self._device))
        rows = torch.arange(run.count, device=self._device) * run.length
        return self._project(self._norm(self._layers.pool(self._first_norm(x), [run], rows)))


def _form(config: Any, *, causal: bool = False) -> Form:
    heads, eps = config.num_attention_heads, config.layer_norm_eps
    return Form(heads, eps, config.hidden_act, pre_norm=True, causal=causal)

"""What turns tokens into hidden states: BERT's family packed, everything else as transformers does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedConfig, PreTrainedModel

from autoflow_scorer.engine.layers import ACTIVATIONS, Form, Layers, Names, Norm, State
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.packing import Layout, Tokens

Body = Callable[[Sequence[Tokens]], Tensor]
"""Maps texts, sorted by length, to their hidden states one below the other, [sum of lengths, width]."""

_BERT = Names(
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    out="attention.output.dense",
    norm1="attention.output.LayerNorm",
    fc1="intermediate.dense",
    fc2="output.dense",
    norm2="output.LayerNorm",
)
_DISTILBERT = Names(
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    out="attention.out_lin",
    norm1="sa_layer_norm",
    fc1="ffn.lin1",
    fc2="ffn.lin2",
    norm2="output_layer_norm",
)
# Their positions start after the padding token's number, and pass over padding tokens.
_OFFSET = frozenset({"camembert", "roberta", "xlm-roberta"})


def text_body(model: PreTrainedModel, linears: Linears) -> Body:
    """Makes the fastest body for a model."""
    config: Any = model.config
    # DistilBERT's configuration has names of its own.
    activation = (
        config.activation if config.model_type == "distilbert" else getattr(config, "hidden_act", None)
    )
    known = config.model_type in _OFFSET | {"bert", "distilbert"} and activation in ACTIVATIONS
    if known and not getattr(config, "is_decoder", False):
        return PackedBody(model, str(activation), linears)
    return PaddedBody(model, linears)


def text_positions(config: PreTrainedConfig) -> int:
    """The longest text that a model takes, in tokens."""
    settings: Any = config
    limit = getattr(config, "max_position_embeddings", None) or 512
    return int(limit - (settings.pad_token_id + 1 if config.model_type in _OFFSET else 0))


class PackedBody:
    """BERT, RoBERTa, XLM-RoBERTa, CamemBERT and DistilBERT, in the passes of the linear layers.

    Args:
        model: of transformers; its parameters are copied.
        activation: its name in the configuration.
        linears: device, type and kernel.
    """

    def __init__(self, model: PreTrainedModel, activation: str, linears: Linears) -> None:
        config: Any = model.config
        state: State = model.state_dict()
        distilled = config.model_type == "distilbert"
        prefix, names = ("transformer.layer", _DISTILBERT) if distilled else ("encoder.layer", _BERT)
        eps = 1e-12 if distilled else config.layer_norm_eps
        form = Form(config.num_attention_heads, eps, activation, pre_norm=False)
        self._linears = linears
        self._longest = text_positions(config)
        self._words = linears.place(state["embeddings.word_embeddings.weight"])
        positions = state["embeddings.position_embeddings.weight"]
        kinds = state.get("embeddings.token_type_embeddings.weight")
        # Every token is of the first kind.
        self._positions = linears.place(positions if kinds is None else positions + kinds[0])
        self._padding: int | None = config.pad_token_id if config.model_type in _OFFSET else None
        self._norm = Norm.of(state, "embeddings.LayerNorm", eps, linears)
        self._layers = Layers(state, prefix, config.num_hidden_layers, names, form, linears)

    def __call__(self, texts: Sequence[Tokens]) -> Tensor:
        """Computes the last layer's states."""
        send = self._linears.send
        layout = self._linears.passes.lay(texts, self._longest, self._padding or 0)
        tokens = send(layout.tokens())
        x = self._norm(self._words[tokens] + self._positions[self._places(layout, tokens)])
        if not layout.padded:
            return self._layers(x, layout.runs)
        real = layout.real()
        asked = torch.arange(len(layout.texts)).unsqueeze(1) < len(texts)
        x = self._layers(x, layout.runs, send(real))
        return x[send((real & asked).flatten().nonzero().squeeze(1))]

    def _places(self, layout: Layout, tokens: Tensor) -> Tensor:
        """Each token's position."""
        if self._padding is None:
            return layout.places(tokens.device)
        counted = tokens.ne(self._padding).long()
        sums = counted.cumsum(0)
        lengths = self._linears.send(torch.tensor([len(text) for text in layout.texts]))
        starts = lengths.cumsum(0) - lengths
        # Without the size a GPU would be waited for, to learn it.
        before: Tensor = torch.repeat_interleave(
            sums[starts] - counted[starts], lengths, output_size=len(tokens)
        )
        return (sums - before) * counted + self._padding


class PaddedBody:
    """Any encoder of transformers, on padded batches.

    Args:
        model: taken over and moved; for an encoder with a decoder, its encoder is used.
        linears: device and type.
    """

    def __init__(self, model: PreTrainedModel, linears: Linears) -> None:
        encoder: Any = model.get_encoder() if model.config.is_encoder_decoder else model
        self._model: Any = encoder.to(linears.device, linears.dtype)
        self._device = linears.device
        self._padding = getattr(model.config, "pad_token_id", None) or 0

    def __call__(self, texts: Sequence[Tokens]) -> Tensor:
        """Computes the last layer's states."""
        ids = pad_sequence([torch.tensor(text) for text in texts], True, self._padding).to(self._device)
        lengths = torch.tensor([len(text) for text in texts], device=self._device)
        mask = torch.arange(ids.shape[1], device=self._device) < lengths.unsqueeze(1)
        hidden: Tensor = self._model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        return hidden[mask]

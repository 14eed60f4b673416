"""Transformer layers over packed rows: the hidden states of many sequences one below the other.

Every architecture that the engine knows is turned into the same few parts. A batch is a matrix [sum of
lengths, width]; linear layers and norms never see where a sequence ends. Only attention does: sequences of
equal length lie next to each other (a `Run`) and are attended to together, so no mask is needed unless they
were padded to that length (`autoflow_scorer.engine.buckets`).

Attention: softmax(QKᵀ/√d)V, Vaswani et al. 2017, arXiv:1706.03762, §3.2; norms before (ViT, CLIP) or after
(BERT) the sublayers: Xiong et al. 2020, arXiv:2002.04745. Left out: dropout, relative positions, training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from autoflow_scorer.engine.linear import Activation, Linear, Linears
from autoflow_scorer.engine.packing import Run

State = Mapping[str, Tensor]
"""A model's parameters by name."""

# quick_gelu(x) = x sigmoid(1.702 x) = silu(1.702 x) / 1.702, Hendrycks and Gimpel 2016, arXiv:1606.08415, §2.
_QUICK_GELU = 1.702

# What transformers' configurations call the activations: ours, and the factor s for f(x) = ours(s x) / s.
ACTIVATIONS = {
    "gelu": (Activation.GELU, 1.0),
    "gelu_new": (Activation.GELU_TANH, 1.0),
    "gelu_pytorch_tanh": (Activation.GELU_TANH, 1.0),
    "quick_gelu": (Activation.SILU, _QUICK_GELU),
    "relu": (Activation.RELU, 1.0),
    "silu": (Activation.SILU, 1.0),
}


@dataclass(frozen=True, slots=True)
class Norm:
    """Layer normalisation, Ba et al. 2016, arXiv:1607.06450."""

    weight: Tensor
    bias: Tensor
    eps: float

    @classmethod
    def of(cls, state: State, name: str, eps: float, linears: Linears) -> Norm:
        """Takes the norm of that name from a model's parameters."""
        return cls(linears.place(state[f"{name}.weight"]), linears.place(state[f"{name}.bias"]), eps)

    def __call__(self, x: Tensor) -> Tensor:
        """Normalises each row."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True, slots=True)
class Names:
    """What a family of models calls the parts of a layer."""

    query: str
    key: str
    value: str
    out: str
    norm1: str
    fc1: str
    fc2: str
    norm2: str


@dataclass(frozen=True, slots=True)
class Form:
    """What a layer is, apart from its weights.

    Attributes:
        heads: attention heads; they divide the width.
        eps: of the norms.
        activation: transformers' name, a key of `ACTIVATIONS`.
        pre_norm: whether a norm stands before its sublayer, not after the sum.
        causal: whether a token sees only those before it and itself.
    """

    heads: int
    eps: float
    activation: str
    pre_norm: bool
    causal: bool = False


class Layer:
    """One layer.

    Args:
        state: the model's parameters.
        prefix: of this layer's names in them.
        names: the parts' names after the prefix.
        form: everything else.
        linears: makes the linear layers.
        pooling: whether only one row a sequence is wanted, see `pool`: queries then have their own product.
    """

    def __init__(
        self, state: State, prefix: str, names: Names, form: Form, linears: Linears, *, pooling: bool = False
    ) -> None:
        def part(name: str) -> tuple[Tensor, Tensor]:
            return state[f"{prefix}{name}.weight"], state[f"{prefix}{name}.bias"]

        def joined(*parts: str) -> Linear:
            weights, biases = zip(*map(part, parts), strict=True)
            return linears.make(torch.cat(weights), torch.cat(biases))

        self._form = form
        self._query = joined(names.query) if pooling else None
        self._qkv = joined(*([] if pooling else [names.query]), names.key, names.value)
        self._out = joined(names.out)
        activation, scale = ACTIVATIONS[form.activation]
        weight, bias = part(names.fc1)
        self._fc1 = linears.make(weight * scale, bias * scale, activation)
        weight, bias = part(names.fc2)
        self._fc2 = linears.make(weight / scale, bias)
        self._norm1 = Norm.of(state, prefix + names.norm1, form.eps, linears)
        self._norm2 = Norm.of(state, prefix + names.norm2, form.eps, linears)

    def __call__(self, x: Tensor, runs: Sequence[Run], real: Tensor | None = None) -> Tensor:
        """The layer's hidden states.

        Args:
            x: [rows, width].
            runs: the sequences in it; where some are padded, one run.
            real: [sequences, length], whether a token is no padding; None where none is.

        Returns:
            [rows, width].
        """
        qkv = self._qkv(self._norm1(x) if self._form.pre_norm else x)
        attended = torch.cat([self._attend(qkv[run.start : run.stop], run, real) for run in runs])
        return self._finish(x, attended)

    def pool(self, x: Tensor, runs: Sequence[Run], rows: Tensor, real: Tensor | None = None) -> Tensor:
        """The hidden states of one token a sequence; everything else of this layer is not computed.

        Args:
            x: [rows, width].
            runs: the sequences in it.
            rows: the tokens' rows, one a sequence in their order; in a causal layer each its sequence's last.
            real: as in a call.

        Returns:
            [sequences, width].
        """
        assert self._query is not None, "not a pooling layer"
        normed = self._norm1(x) if self._form.pre_norm else x
        query, key_value = self._query(normed[rows]), self._qkv(normed)
        attended, first = [], 0
        for run in runs:
            queries = (
                query[first : first + run.count].view(run.count, 1, self._form.heads, -1).transpose(1, 2)
            )
            key, value = self._split(key_value[run.start : run.stop], run, 2)
            found = F.scaled_dot_product_attention(queries, key, value, attn_mask=_mask(real))
            attended.append(found.transpose(1, 2).reshape(run.count, -1))
            first += run.count
        return self._finish(x[rows], torch.cat(attended))

    def _attend(self, qkv: Tensor, run: Run, real: Tensor | None) -> Tensor:
        query, key, value = self._split(qkv, run, 3)
        # Padding comes last, where a causal layer does not look.
        mask = None if self._form.causal else _mask(real)
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=self._form.causal)
        return found.transpose(1, 2).reshape(run.count * run.length, -1)

    def _split(self, joined: Tensor, run: Run, parts: int) -> tuple[Tensor, ...]:
        """Views [sequences, heads, length, width of a head] of the parts that lie side by side in rows."""
        return (
            joined.view(run.count, run.length, parts, self._form.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        )

    def _finish(self, x: Tensor, attended: Tensor) -> Tensor:
        if self._form.pre_norm:
            x = self._out(attended).add_(x)
            return self._fc2(self._fc1(self._norm2(x))).add_(x)
        x = self._norm1(self._out(attended).add_(x))
        return self._norm2(self._fc2(self._fc1(x)).add_(x))


class Layers:
    """A stack of layers.

    Args:
        state: the model's parameters.
        prefix: of the layers' names in them, before their number.
        count: how many layers.
        names: the parts' names.
        form: everything else.
        linears: makes the linear layers, and says how passes are run.
        pooling: whether one token a sequence is wanted of the last layer.
    """

    def __init__(
        self,
        state: State,
        prefix: str,
        count: int,
        names: Names,
        form: Form,
        linears: Linears,
        *,
        pooling: bool = False,
    ) -> None:
        self._layers = [
            Layer(state, f"{prefix}.{i}.", names, form, linears, pooling=pooling and i == count - 1)
            for i in range(count)
        ]
        self._call = linears.passes.compiled(_call)
        self._pool = linears.passes.compiled(_pool)

    def __call__(self, x: Tensor, runs: Sequence[Run], real: Tensor | None = None) -> Tensor:
        """Like a `Layer`, all of them."""
        for layer in self._layers:
            x = self._call(layer, x, runs, real)
        return x

    def pool(self, x: Tensor, runs: Sequence[Run], rows: Tensor, real: Tensor | None = None) -> Tensor:
        """Like `Layer.pool`, of the last layer."""
        for layer in self._layers[:-1]:
            x = self._call(layer, x, runs, real)
        return self._pool(self._layers[-1], x, runs, rows, real)


def _call(layer: Layer, x: Tensor, runs: Sequence[Run], real: Tensor | None) -> Tensor:
    return layer(x, runs, real)


def _pool(layer: Layer, x: Tensor, runs: Sequence[Run], rows: Tensor, real: Tensor | None) -> Tensor:
    return layer.pool(x, runs, rows, real)


def _mask(real: Tensor | None) -> Tensor | None:
    """For all heads and queries: [sequences, 1, 1, length]."""
    return None if real is None else real[:, None, None]

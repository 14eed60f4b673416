"""Linear layers with the fastest kernel that the machine has for them.

On CPUs oneDNN keeps a weight in its own blocked layout, so that it is not rearranged in every call, and takes
the activation into the product: the same mathematics, faster. The operators (`torch.ops.mkldnn`) are private
to torch and know no gradients. So they are tried once, when `Linears.probe` is called, against
`torch.nn.functional.linear`; where they are missing or disagree, and on every other device, that is used.

Left out: int8, which was slower than bfloat16 and less exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import torch
import torch.nn.functional as F
from torch import Tensor

from autoflow_scorer.engine.buckets import Buckets
from autoflow_scorer.engine.packing import Packed, Passes

Linear = Callable[[Tensor], Tensor]
"""Maps [rows, in] to [rows, out], the activation included."""


class Activation(StrEnum):
    """An activation that a linear layer applies to its result."""

    NONE = "none"
    GELU = "gelu"
    GELU_TANH = "gelu_tanh"
    RELU = "relu"
    SILU = "silu"


_PLAIN: dict[Activation, Callable[[Tensor], Tensor]] = {
    Activation.NONE: lambda x: x,
    Activation.GELU: F.gelu,
    Activation.GELU_TANH: lambda x: F.gelu(x, approximate="tanh"),
    Activation.RELU: F.relu,
    Activation.SILU: F.silu,
}
# oneDNN's name of the operation, and of the algorithm where there are two.
_FUSED = {
    Activation.NONE: ("none", ""),
    Activation.GELU: ("gelu", "none"),
    Activation.GELU_TANH: ("gelu", "tanh"),
    Activation.RELU: ("relu", ""),
    Activation.SILU: ("swish", ""),
}


@dataclass(frozen=True, slots=True)
class PlainLinear:
    """torch's own linear layer, on any device."""

    weight: Tensor
    bias: Tensor | None
    activation: Activation

    def __call__(self, x: Tensor) -> Tensor:
        """Applies the layer to [rows, in]."""
        return _PLAIN[self.activation](F.linear(x, self.weight, self.bias))


class PrepackedLinear:
    """oneDNN's linear layer, on CPU.

    Args:
        weight: [out, in]; copied into oneDNN's layout.
        bias: [out].
        activation: what follows, in the same kernel.
    """

    __slots__ = ("_bias", "_operation", "_weight")

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight)
        self._bias = bias
        self._operation = _FUSED[activation]

    def __call__(self, x: Tensor) -> Tensor:
        """Applies the layer to [rows, in]."""
        name, algorithm = self._operation
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, name, [], algorithm)
        return result


@dataclass(frozen=True, slots=True)
class Linears:
    """Makes the linear layers of models: on which device, in which type, by which kernel, in which passes.

    Make it by `probe`; the constructor takes its word for `prepacked`.
    """

    device: torch.device
    dtype: torch.dtype
    prepacked: bool
    """Whether oneDNN's layout is used."""
    passes: Passes = field(default_factory=Packed)
    """How sequences become passes."""

    @classmethod
    def probe(cls, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Linears:
        """Chooses the kernel by trying it.

        Args:
            device: where the models live.
            dtype: of weights and hidden states; float32 or bfloat16.
        """
        device = torch.device(device)
        if device.type == "cpu":
            return cls(device, dtype, prepacked=_prepacking_agrees(dtype))
        return cls(device, dtype, prepacked=False, passes=Buckets())

    def make(
        self, weight: Tensor, bias: Tensor | None = None, activation: Activation = Activation.NONE
    ) -> Linear:
        """Makes a layer.

        Args:
            weight: [out, in], any floating type and device.
            bias: [out].
            activation: what follows.
        """
        weight = self.place(weight)
        bias = None if bias is None else self.place(bias)
        kind = PrepackedLinear if self.prepacked else PlainLinear
        return kind(weight, bias, activation)

    def place(self, tensor: Tensor) -> Tensor:
        """Gives a weight the models' device and type; contiguous and without its gradient."""
        return tensor.detach().to(self.device, self.dtype).contiguous()

    def send(self, tensor: Tensor) -> Tensor:
        """Brings a tensor of the host's to the device without waiting for what is computed there."""
        pinned = tensor.pin_memory() if self.device.type == "cuda" else tensor
        return pinned.to(self.device, non_blocking=True)


def _prepacking_agrees(dtype: torch.dtype) -> bool:
    """Whether oneDNN's operators exist here and give what torch's own give, with every activation."""
    generator = torch.Generator().manual_seed(0)
    # Of odd sizes, so that the edges of blocks are tried too.
    weight, bias, x = (
        torch.randn(*size, generator=generator).to(dtype) for size in ((70, 37), (70,), (19, 37))
    )
    # Sums of 37 products of numbers about 1.
    tolerance = 8 * math.sqrt(37) * torch.finfo(dtype).eps
    try:
        return all(
            torch.allclose(
                PrepackedLinear(weight, bias, activation)(x).float(),
                PlainLinear(weight, bias, activation)(x).float(),
                rtol=tolerance,
                atol=tolerance,
            )
            for activation in Activation
        )
    except (AttributeError, RuntimeError, NotImplementedError):  # No such operator, or not for this type.
        return False

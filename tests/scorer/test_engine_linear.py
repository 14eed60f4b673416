"""oneDNN's linear layers give what torch's give, and torch's are used where there are none."""

from __future__ import annotations

import pytest
import torch

from autoflow_scorer.engine.linear import Activation, Linears


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.06)])
@pytest.mark.parametrize("rows", [1, 7, 129])
def test_both_kernels_agree(activation: Activation, dtype: torch.dtype, tolerance: float, rows: int) -> None:
    linears = Linears.probe(dtype=dtype)
    if not linears.prepacked:
        pytest.skip("oneDNN's operators do not work here")
    plain = Linears(linears.device, dtype, prepacked=False)
    generator = torch.Generator().manual_seed(rows)
    weight, bias, x = (torch.randn(*size, generator=generator) for size in ((48, 33), (48,), (rows, 33)))
    for given in (bias, None):
        ours = linears.make(weight, given, activation)(x.to(dtype))
        theirs = plain.make(weight, given, activation)(x.to(dtype))
        assert ours.dtype == dtype
        torch.testing.assert_close(ours, theirs, atol=tolerance, rtol=tolerance)


def test_types_that_onednn_does_not_know_use_torch() -> None:
    linears = Linears.probe(dtype=torch.float64)
    assert not linears.prepacked
    layer = linears.make(torch.eye(3), torch.ones(3), Activation.RELU)
    x = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    assert layer(x).tolist() == [[2.0, 0.0, 1.5]]

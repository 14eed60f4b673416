"""The loss of an update (its formula is in `autoflow_worker.methods.base`)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss with what is worth watching of it."""

    total: Tensor
    """Scalar, to be differentiated."""
    kl: float
    """Estimated divergence from the untrained model, nats a token."""


def k3(policy: Tensor, reference: Tensor, limit: float) -> Tensor:
    """An estimate of KL(policy || reference) at each token: exp(d) - 1 - d with d = reference - policy.

    Never negative, and of less variance than -d (Schulman 2020, "Approximating KL divergence").

    Args:
        policy: log-probabilities of drawn tokens.
        reference: the same of the reference model.
        limit: d is cut off at plus and minus this; beyond it a token no longer pulls.
    """
    ratio = (reference - policy).clamp(-limit, limit)
    return ratio.exp() - 1 - ratio


def weighted_loss(
    policy: Tensor,
    reference: Tensor,
    real: Tensor,
    weights: Tensor,
    *,
    kl_weight: float,
    length_scale: float,
    log_ratio_limit: float,
) -> Loss:
    """Minus the weighted log-likelihood, plus the weighted divergence.

    Args:
        policy: log-probabilities, [B, T], 0 where there is padding.
        reference: the same of the untrained model, without gradient.
        real: where there is no padding, bool [B, T].
        weights: of the sequences, [B].
        kl_weight: β.
        length_scale: C, tokens.
        log_ratio_limit: of k3.
    """
    likelihood = (weights * policy.sum(dim=1)).sum() / length_scale
    divergence = torch.where(real, k3(policy, reference, log_ratio_limit), 0.0).sum()
    total = kl_weight * divergence / (policy.shape[0] * length_scale) - likelihood
    return Loss(total, float(divergence.detach() / real.sum()))

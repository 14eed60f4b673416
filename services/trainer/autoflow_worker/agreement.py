"""Whether the policy is the model that its samples come from.

Sampler and policy are two programs with one set of weights. Where they differ (another adapter, number
format, prompt or mask), the policy would learn from samples that are not its own, and nothing else would
tell. Only the first draw of a worker is looked at, and of that a few samples: what makes the two differ does
not come and go.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from autoflow.errors import FailedPrecondition
from autoflow_worker.ports import Candidate, Policy, Prompt

_SAMPLES = 8
_GROSS = 0.1
"""Nats on one token. Rounding makes less than a thousandth of it in float32."""

_log = logging.getLogger(__name__)


def check_agreement(policy: Policy, prompt: Prompt, candidates: Sequence[Candidate]) -> None:
    """Compares the sampler's log-probabilities with the policy's; blocks.

    Args:
        policy: as it was when the candidates were drawn.
        prompt: what they were drawn for.
        candidates: those whose sampler tells no log-probabilities are passed over.

    Raises:
        FailedPrecondition: they differ grossly.
    """
    told = [candidate for candidate in candidates if candidate.log_probs][:_SAMPLES]
    if not told:
        return
    rows = policy.log_probs(prompt, [candidate.token_ids for candidate in told])
    differences = [
        abs(mine - theirs)
        for row, candidate in zip(rows, told, strict=True)
        for mine, theirs in zip(row, candidate.log_probs, strict=True)
    ]
    _log.info("policy and sampler differ by at most %.2g nats on a token", max(differences))
    # A comparison with no number (both forbid the token) is false, and so gross.
    if not all(difference <= _GROSS for difference in differences):
        raise FailedPrecondition(
            "the generator does not sample from the model that learns: "
            f"their log-probabilities of a token differ by more than {_GROSS} nats"
        )

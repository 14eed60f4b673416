"""Which of several texts a model finds likeliest after a prompt, as calls that the engine scores together.

Options that differ in their last token only, above all those of one token, share one call: the prompt is
read once and the options' probabilities are looked up. Other options take a call each, which share the
prompt's keys and values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from autoflow.llm.local.calls import ScoreCall, Target, Weights


class Choice:
    """A choice under way. Make it in the event loop that awaits the calls.

    Args:
        prompt: the prompt's ids, one or more.
        options: each option's ids, one or more.
        weights: the adapter; None means the model's own weights.
    """

    def __init__(
        self, prompt: Sequence[int], options: Sequence[Sequence[int]], weights: Weights | None
    ) -> None:
        members: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, option in enumerate(options):
            members[tuple(option[:-1])].append(index)
        self._members = members
        self.calls = [
            _call(prompt, stem, [options[index][-1] for index in indices], weights)
            for stem, indices in members.items()
        ]

    def best(self, results: Sequence[list[float]]) -> int:
        """The option with the largest sum of log-probabilities; the first of equals.

        Args:
            results: what the calls resulted in, in their order.
        """
        scores: dict[int, float] = {}
        for (stem, indices), log_probs in zip(self._members.items(), results, strict=True):
            common = sum(log_probs[: len(stem)])
            last = log_probs[len(stem) :]
            scores.update((index, common + each) for index, each in zip(indices, last, strict=True))
        return max(sorted(scores), key=scores.__getitem__)


def _call(
    prompt: Sequence[int], stem: Sequence[int], lasts: Sequence[int], weights: Weights | None
) -> ScoreCall:
    before = len(prompt) - 1
    targets = [Target(before + place, token) for place, token in enumerate(stem)]
    targets += [Target(before + len(stem), token) for token in lasts]
    return ScoreCall([*prompt, *stem], weights, targets)

"""What a demo says about its own figures."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from autoflow.cli.results.summary import BEST, CONTROL, Summary
from autoflow.cli.results.tables import summary_tables
from autoflow.cli.results.winner import winner_steps

STAND_IN = (
    "The embedded model is a stand-in: a few million parameters, trained for this suite so that the loop "
    "runs anywhere. Its figures say how the loop works, and nothing about large models."
)


def report(summary: Summary, width: int) -> RenderableType:
    """Everything that a demo prints at its end.

    Args:
        summary: what the run found.
        width: columns of the terminal.
    """
    return Group(
        winner_steps(summary.winner),
        Text(),
        summary_tables(summary, width),
        Text(),
        Text(what_is_learning(summary)),
        Text(STAND_IN),
    )


def what_is_learning(summary: Summary) -> str:
    """The sentence that keeps search and learning apart, whatever the figures are."""
    best, control, policy = summary.scores.get(BEST), summary.scores.get(CONTROL), summary.policy
    if best is None or policy is None:
        return ""
    if control is None:
        search = "no sample of the untrained generator was valid, so there is no control"
    else:
        search = (
            f"chosen in the same way among {control.chosen_from} samples of the untrained generator, the "
            f"control reaches {control.reward.mean:.2f}, the winner {best.reward.mean:.2f}"
        )
    learning = f"from {policy.before.mean:.2f} to {policy.after.mean:.2f}"
    return f"The best found is mostly search ({search}); the policy's mean is the learning ({learning})."

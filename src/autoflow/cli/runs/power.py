"""What a run can tell from chance, in words."""

from __future__ import annotations

from autoflow.cli.figures import count
from autoflow.v1 import run_pb2


def power_line(run: run_pb2.Run) -> str:
    """What to expect of a run before anything is spent.

    Args:
        run: has a power analysis.
    """
    power = run.power
    effect = power.minimum_detectable_effect
    tasks = count(power.tasks, "independent task")
    if effect > 1:
        return (
            f"With {tasks} no difference can be told from chance: take more tasks, or a suite that has more"
        )
    among = f", choosing among {power.candidates}" if power.candidates > 1 else ""
    return (
        f"With {tasks}{among}, a true difference of {effect:.2f} or more is found 8 times in 10, smaller "
        f"ones rather not (differences that vary by {power.assumed_sd:.2f} from task to task are assumed)"
    )

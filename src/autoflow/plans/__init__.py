"""Plans: reading them out of an answer, judging them, and finding the tools that they mean.

`judging` reads names letter by letter and gives the plan metrics; `matching` is for plans that are to be
executed, and finds the tool that a free name means.
"""

from autoflow.plans.judging import (
    PlanReference,
    chains,
    order_f1,
    parse_plan,
    plan_exact,
    plan_f1,
    plan_items,
    plan_valid,
)
from autoflow.plans.matching import ALIASES, How, Match, NoMatch, ToolNames

__all__ = [
    "ALIASES",
    "How",
    "Match",
    "NoMatch",
    "PlanReference",
    "ToolNames",
    "chains",
    "order_f1",
    "parse_plan",
    "plan_exact",
    "plan_f1",
    "plan_items",
    "plan_valid",
]

"""The built-in suite `travel`: trips to be planned with six tools, within a budget and by wishes.

It has the shape of TravelPlanner (Xie et al., arXiv 2402.01622): its tools, its kinds of constraints and its
measures. The country, the queries and all words are of this house.

Answers are judged by constraints, for there is no list of right ones; `judged_suite` makes it a `TaskSuite`.

Left out: ratings, opening hours and the time of day.
"""

from __future__ import annotations

from autoflow.suites.judging import Kind, Measures, Score, Verdict, measures
from autoflow.suites.travel.answers import (
    Day,
    Journey,
    Place,
    Plan,
    Transportation,
    answer_schema,
    read_answer,
    write_answer,
)
from autoflow.suites.travel.costs import plan_cost
from autoflow.suites.travel.generation import travel_database
from autoflow.suites.travel.judging import ALLOWANCE, TravelJudge, judged_suite
from autoflow.suites.travel.model import Accommodation, Cuisine, Database, HouseRule, Mode, RoomType
from autoflow.suites.travel.scoring import score_answer, score_plan
from autoflow.suites.travel.solver import cheapest_plan
from autoflow.suites.travel.suite import TravelSuite, TravelTask, travel_suite
from autoflow.suites.travel.tools import TRAVEL_TOOLS, BadDate, TravelTool, UnknownPlace, WrongArguments
from autoflow.suites.travel.trips import RoomWish, Trip, Wishes

__all__ = [
    "ALLOWANCE",
    "TRAVEL_TOOLS",
    "Accommodation",
    "BadDate",
    "Cuisine",
    "Database",
    "Day",
    "HouseRule",
    "Journey",
    "Kind",
    "Measures",
    "Mode",
    "Place",
    "Plan",
    "RoomType",
    "RoomWish",
    "Score",
    "Transportation",
    "TravelJudge",
    "TravelSuite",
    "TravelTask",
    "TravelTool",
    "Trip",
    "UnknownPlace",
    "Verdict",
    "Wishes",
    "WrongArguments",
    "answer_schema",
    "cheapest_plan",
    "judged_suite",
    "measures",
    "plan_cost",
    "read_answer",
    "score_answer",
    "score_plan",
    "travel_database",
    "travel_suite",
    "write_answer",
]

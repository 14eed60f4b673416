"""`autoflow evaluate` on a suite whose answers are judged."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autoflow.cli.console import Output
from autoflow.cli.evaluation.request import EvaluationRequest, to_proto
from autoflow.cli.evaluation.table import evaluation_view
from autoflow.cli.execution.request import Options, request_of
from autoflow.cli.runs.carrying import carry_out
from autoflow.language import check
from autoflow.llm import Message, Role
from autoflow.methods import Reward
from autoflow.suites import Split, workflow_text
from autoflow.testing import ScriptedEndpoint
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2
from tests.cli.evaluations import estimate, evaluated
from tests.cli.harness import autoflow, called
from tests.cli.test_results import text_of
from tests.llm.endpoints import write_catalogue
from tests.suites.travel.planner.model import PlannerModel
from tests.suites.travel.planner.planner import Planner
from tests.trainer.harness import trainer

LAZY = "Step 1:::terminal:::Give up."
TABLE = """\
On 48 test tasks of travel

                constraints  passed  delivered  common sense      hard
baseline              0.600     25%        90%           70%       40%
                  0.56-0.64  23-27%     88-92%      all: 50%  all: 30%
a-rather-long-        0.700     25%        95%           70%       40%
name              0.66-0.74  23-27%     93-97%      all: 50%  all: 30%
reference             0.900     25%       100%           70%       40%
                  0.86-0.94  23-27%    98-100%      all: 50%  all: 30%

Constraints: the part that holds of a task's, its reward; passed: tasks of which
all hold; delivered: tasks whose answer can be read. Below each is its 95%
interval over tasks; below common sense and hard, of how many tasks all of that
kind hold. `reference` are the reference answers themselves.
"""


def judged() -> run_pb2.Run:
    run = evaluated()
    run.evaluation.suite = "travel"
    for found in run.evaluation_result.workflows:
        found.ClearField("plan_f1")
        del found.metrics[:]
        found.metrics.add(metric="constraints", reward=found.reward, tasks=48)
        found.pass_rate.CopyFrom(estimate(0.25, 0.02))
        found.constraints.CopyFrom(
            run_pb2.ConstraintMeasures(
                delivery_rate=found.valid_plan_rate.mean,
                commonsense_micro=0.7,
                commonsense_macro=0.5,
                hard_micro=0.4,
                hard_macro=0.3,
                final_pass_rate=0.25,
            )
        )
    return run


def test_the_table_has_the_measures_and_no_plans() -> None:
    shown = text_of(evaluation_view(judged()))
    assert "\n".join(map(str.rstrip, shown.splitlines())).startswith(TABLE)
    assert not re.search(r"plan F1|valid plans|reference plans", shown)
    assert "+0.100 (+0.070 to +0.130)" in shown


def replies(body: Mapping[str, Any]) -> str:
    """What the planner of trips says, where it knows the step."""
    messages = [Message(Role(one["role"]), one["content"]) for one in body["messages"]]
    if "Give up." in messages[-1].content:
        return json.dumps({"answer": "There is no such trip."})
    workflow = check(workflow_text("travel")).workflow
    assert workflow is not None
    return PlannerModel(Planner(workflow))(messages)


async def test_trips_are_evaluated_without_a_trainer_and_their_tools_are_served(tmp_path: Path) -> None:
    page, lazy = tmp_path / "report.html", tmp_path / "lazy.flow"
    lazy.write_text(LAZY)
    asked = ("--suite", "travel", "--interpreter", "mine", "--tasks", "2")
    async with ScriptedEndpoint.serving(replies) as endpoint:
        models = write_catalogue(tmp_path / "m.yaml", endpoint.base_url, capabilities={"json_schema": True})
        finished = await autoflow(
            *("evaluate", "--local", "--json", "--with", "travel", str(lazy), *asked),
            *("--data", str(tmp_path / "data"), "--out", str(page)),
            env={"AUTOFLOW_MODELS": str(models), "AUTOFLOW_PRELOAD_MODELS": "none"},
        )
    assert finished.code == 0, finished.err
    result = finished.document["evaluation_result"]
    travel, given_up, reference = result["workflows"]
    assert [found["name"] for found in result["workflows"]] == ["travel", "lazy", "reference"]
    for found, rate in ((travel, 1), (given_up, 0), (reference, 1)):
        assert (found["reward"]["mean"], found["pass_rate"]["mean"]) == (rate, rate)
        assert set(found["constraints"].values()) == {rate}
        assert "plan_f1" not in found
    for task in given_up["tasks"]:
        assert not task["passed"]
        assert {item["kind"] for item in task["verdicts"]} == {
            "CONSTRAINT_KIND_COMMONSENSE",
            "CONSTRAINT_KIND_HARD",
        }
        assert {item["reason"] for item in task["verdicts"]} == {"No plan was delivered."}
    assert "answers that cannot be read" in page.read_text()
    assert finished.err.splitlines()[-1] == f"{page} shows answers, and which constraints fail and why"


async def test_another_reward_is_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = EvaluationRequest("travel", Split.VALIDATION, {"lazy": LAZY}, "mine", Reward.PLAN)
    async with trainer(tmp_path, CoroutineLauncher()) as service:
        refused = await called(carry_out(to_proto(wanted), service.address, None, Output()), capsys)
    assert refused.code == 2
    assert "the suite judges answers by constraints" in refused.error
    assert "leave it out, or take `judged`" in refused.error


def test_a_plan_may_name_no_tool_that_takes_arguments() -> None:
    planning, travel = (
        request_of("", "", Options("mine", suite, temperature=0, seed=0, max_steps=9, seconds=9)).tools
        for suite in ("planning", "travel")
    )
    assert planning
    assert not travel

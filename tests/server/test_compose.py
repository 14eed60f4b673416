"""Several services in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoflow.client import Client
from autoflow.errors import NotFound
from autoflow.server.compose import SERVICES, load_builder, local_environment, serve_all
from autoflow.settings import SettingsError
from autoflow.testing import in_process
from autoflow.v1.generator_service_pb2 import LintWorkflowRequest
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest
from autoflow.v1.workflow_pb2 import Workflow


def environment(home: Path) -> dict[str, str]:
    return local_environment(home, {"AUTOFLOW_PRELOAD_MODELS": "none"})


async def test_services_run_side_by_side_and_answer(
    tmp_path: Path, score_request: ScoreOutputsRequest
) -> None:
    async with in_process(environment(tmp_path), ["scorer", "generator"]) as system:
        assert set(system.addresses) == {"scorer", "generator"}
        async with Client.of(system.addresses) as client:
            scored = await client.scorer.score_outputs(score_request)
            linted = await client.generator.lint_workflow(
                LintWorkflowRequest(workflow=Workflow(source="Step 1:::terminal:::Answer."))
            )

    assert [column.metric for column in scored.scores] == ["plan_f1"]
    assert linted.workflow.digest.startswith("sha256:")


async def test_a_service_that_cannot_be_built_leaves_nothing_behind(tmp_path: Path) -> None:
    async with in_process(environment(tmp_path), ["scorer"]) as system:
        port = system.servers["scorer"].port

    # A trainer needs to be told of the other services.
    with pytest.raises(SettingsError, match="AUTOFLOW_GENERATOR_ADDRESS is not set"):
        await serve_all(environment(tmp_path), ["scorer", "trainer"], {"scorer": port})

    async with await serve_all(environment(tmp_path), ["scorer"], {"scorer": port}) as again:
        assert again.servers["scorer"].port == port


def test_every_service_is_found() -> None:
    for name in SERVICES:
        assert callable(load_builder(name))


def test_an_unknown_service_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="no service is named 'oracle'; there are: experts, generator"):
        load_builder("oracle")


def test_what_the_environment_says_wins_over_the_home_folder(tmp_path: Path) -> None:
    env = local_environment(tmp_path, {"AUTOFLOW_ARTIFACTS": "s3://bucket"})

    assert env["AUTOFLOW_ARTIFACTS"] == "s3://bucket"
    assert env["AUTOFLOW_TRAINER_DATA"] == str(tmp_path / "trainer")


def test_an_empty_variable_counts_as_none(tmp_path: Path) -> None:
    complete = local_environment(tmp_path, {})
    env = local_environment(tmp_path, dict.fromkeys(complete, ""))

    assert env == complete
    assert env["AUTOFLOW_ARTIFACTS"] == str(tmp_path / "artifacts")

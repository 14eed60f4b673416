"""`autoflow workflows` against a real registry."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autoflow.cli.commands.show import Format
from autoflow.cli.console import Output
from autoflow.cli.workflows.commands import (
    create_version,
    list_changes,
    list_versions,
    list_workflows,
    show_version,
)
from autoflow.cli.workflows.differing import show_difference
from autoflow.cli.workflows.moving import promote_version, rollback_alias
from autoflow.v1 import model_pb2, run_pb2, task_pb2, workflow_pb2
from autoflow.v1 import registry_service_pb2 as pb
from tests.cli.harness import Finished, autoflow, called
from tests.generator.registry.servers import generator

FIRST = "Step 1:::process:::List the models.:::next::Step 2\nStep 2:::terminal:::Answer.\n"
SECOND = (
    "Step 1:::process:::List the models.:::next::Step 2\n"
    "Step 2:::process:::Name every fault.:::next::Step 3\n"
    "Step 3:::terminal:::Answer.\n"
)


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    async with generator(f"sqlite+aiosqlite:///{tmp_path / 'generator.db'}") as address:
        yield address


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    paths = tmp_path / "first.flow", tmp_path / "second.flow"
    for path, text in zip(paths, (FIRST, SECOND), strict=True):
        path.write_text(text)
    return str(paths[0]), str(paths[1])


async def two_versions(address: str, files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for number, file in enumerate(files, 1):
        created = await called(create_version(address, "planner", file, "by hand", Output()), capsys)
        assert (created.code, created.out) == (0, f"planner@{number}\n")


async def promoted(
    address: str, reference: str, capsys: pytest.CaptureFixture[str], expected: int | None = None
) -> Finished:
    promoting = promote_version(address, reference, "production", expected, "it is better", Output())
    return await called(promoting, capsys)


async def test_versions_are_created_listed_and_shown(
    address: str, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    await two_versions(address, files, capsys)
    assert (await promoted(address, "planner@1", capsys)).out == "planner@production points at version 1\n"
    listed = await called(list_workflows(address, 20, Output()), capsys)
    assert "planner 2 production → 1" in " ".join(listed.out.split())
    versions = await called(list_versions(address, "planner", 20, Output(json=True)), capsys)
    assert [version["name"] for version in versions.document["versions"]] == [
        "workflows/planner@2",
        "workflows/planner@1",
    ]
    table = await called(list_versions(address, "planner", 1, Output()), capsys)
    assert "planner@2 - written by hand -" in " ".join(table.out.split())
    shown = await called(show_version(address, "planner@production", None, Output()), capsys)
    words = " ".join(shown.out.split())
    assert "version planner@1 aliases production about by hand from written by hand" in words
    assert "Step 1 List the models. → Step 2" in words
    assert max(map(len, shown.out.splitlines())) <= 80
    text = await called(show_version(address, "planner", Format.CORE, Output()), capsys)
    assert text.out == SECOND


async def test_an_alias_is_promoted_and_rolled_back_and_its_history_kept(
    address: str, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    await two_versions(address, files, capsys)
    await promoted(address, "planner@1", capsys)
    moved = await promoted(address, "planner@2", capsys)
    assert moved.out == "planner@production points at version 2, and was at 1\n"
    stale = await promoted(address, "planner@1", capsys, expected=1)
    assert (stale.code, "points at version 2 now" in stale.error) == (1, True)
    back = await called(rollback_alias(address, "planner@production", "a fault", Output()), capsys)
    assert back.out == "planner@production points at version 1, and was at 2\n"
    history = await called(list_changes(address, "planner", 20, Output(json=True)), capsys)
    told = [
        (change["from_version"], change["to_version"], change["reason"])
        for change in history.document["changes"]
    ]
    assert told == [(2, 1, "a fault"), (1, 2, "it is better"), (0, 1, "it is better")]
    table = await called(list_changes(address, "planner@production", 20, Output()), capsys)
    assert "planner@production rollback 2 → 1" in " ".join(table.out.split())
    again = await called(rollback_alias(address, "planner@production", "", Output()), capsys)
    assert again.code == 2
    missing = await called(rollback_alias(address, "planner@staging", "", Output()), capsys)
    assert missing.code == 2


async def test_what_changed_is_shown_as_text_as_a_diagram_and_as_json(
    address: str, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    await two_versions(address, files, capsys)
    both = ("planner@1", "planner@2")
    text = await called(show_difference(address, both, as_diagram=False, output=Output()), capsys)
    assert text.code == 1
    assert "+ Step 2:::process:::Name every fault.:::next::Step 3" in text.out.splitlines()
    assert text.err == "1 added, 0 removed, 0 changed, 2 same\n"
    drawn = await called(show_difference(address, both, as_diagram=True, output=Output()), capsys)
    assert "Name every fault." in drawn.out
    assert "]:::added" in drawn.out
    # A file may be compared with a version, and no generator is asked where both are files.
    equal = await called(
        show_difference(address, (files[0], "planner@1"), as_diagram=False, output=Output()), capsys
    )
    assert equal.code == 0
    alone = await autoflow("workflows", "diff", *files, "--json", "--generator", "127.0.0.1:1")
    assert alone.code == 1
    assert alone.document["counts"] == {"added": 1, "removed": 0, "changed": 0, "same": 2}


async def test_lineage_and_scores_are_shown(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    from autoflow.client import Client

    digest = f"sha256:{'a' * 64}"
    version = pb.WorkflowVersion(
        workflow=workflow_pb2.Workflow(source=FIRST),
        lineage=pb.Lineage(
            run="runs/0123456789abcdef",
            parents=[digest],
            generator=model_pb2.ModelRef(model="embedded", adapter=digest),
            prompt_version="2",
            cost=run_pb2.Ledger(executions=96),
        ),
        measurements=[
            pb.Measurement(
                suite="suites/planning",
                suite_digest=digest,
                split=task_pb2.SPLIT_TEST,
                interpreter=model_pb2.ModelRef(model="embedded"),
                reward=run_pb2.REWARD_PLAN,
                value=run_pb2.Estimate(mean=0.9, ci95_low=0.85, ci95_high=0.94),
                tasks=150,
                test_openings=3,
            )
        ],
    )
    async with Client(generator=address) as client:
        await client.registry.create_workflow_version(
            pb.CreateWorkflowVersionRequest(parent="planner", version=version)
        )
    shown = await called(show_version(address, "planner", None, Output()), capsys)
    words = " ".join(shown.out.split())
    assert (
        "from runs/0123456789abcdef parents sha256:aaaaaaaa… written by embedded@aaaaaaaa, prompts 2" in words
    )
    assert (
        "0.900 test (0.850 to 0.940) on 150 tasks of planning, reward plan, executed by embedded, test"
        in words
    )
    assert json.loads((await called(show_version(address, "planner", None, Output(json=True)), capsys)).out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "Planner"), "it reads ID or ID@VERSION or ID@ALIAS"),
        (("create", "planner@3", "-"), "it reads ID,"),
        (("promote", "planner", "production"), "ID@NUMBER"),
    ],
)
async def test_what_is_no_name_is_told_in_words(address: str, arguments: tuple[str, ...], said: str) -> None:
    refused = await autoflow("workflows", *arguments, "--generator", address)
    assert refused.code == 2
    assert said in refused.error


async def test_where_no_generator_answers_the_command_says_what_to_do() -> None:
    finished = await autoflow("workflows", "list", "--generator", "127.0.0.1:1")
    assert finished.code == 3
    assert finished.error.startswith(
        "autoflow: no generator answers at 127.0.0.1:1: start it by `autoflow up`"
    )


async def test_a_broken_text_is_not_registered(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.flow"
    broken.write_text("Step 1:::process:::Go.:::next::Step 9\n")
    refused = await called(create_version(address, "planner", str(broken), "", Output()), capsys)
    assert (refused.code, "Step 9" in refused.error) == (2, True)
    empty = await called(list_workflows(address, 20, Output()), capsys)
    assert "no workflow is registered" in empty.err


async def test_a_file_that_is_not_there_is_told_as_a_file(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    comparing = show_difference("127.0.0.1:1", (files[0], "gone.flow"), False, Output())
    gone = await called(comparing, capsys)
    assert (gone.code, gone.error) == (2, "autoflow: gone.flow: No such file or directory")

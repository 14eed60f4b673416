"""What `autoflow evaluate` refuses, and how it calls the workflows that it is given."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest

from autoflow.cli.evaluation.workflows import named_workflows
from autoflow.cli.exits import CommandFailed
from autoflow.client import Client
from autoflow.client import errors as rpc
from autoflow.errors import NotFound
from autoflow.suites import workflow_text
from tests.cli import evaluations
from tests.cli.harness import WORKFLOW, autoflow
from tests.generator.registry.requests import create, promote
from tests.generator.registry.servers import generator

NOWHERE = "127.0.0.1:9"
"""Where no registry answers: nothing but a registered workflow is asked for there."""


async def test_workflows_are_called_as_their_files_are_and_built_in_ones_come_first(tmp_path: Path) -> None:
    for name in ("My Flow.flow", "other.txt"):
        (tmp_path / name).write_text(name)
    files = [str(tmp_path / "My Flow.flow"), f"best-of-mine={tmp_path / 'other.txt'}"]
    assert list((await named_workflows(files, ["expert", "baseline"], NOWHERE)).items()) == [
        ("expert", workflow_text("expert")),
        ("baseline", workflow_text("baseline")),
        ("my-flow", "My Flow.flow"),
        ("best-of-mine", "other.txt"),
    ]


@pytest.mark.parametrize(
    ("files", "built_in", "said"),
    [
        (["a.flow", "b/a.flow"], [], "two workflows are called 'a'"),
        (["expert.flow"], ["expert"], "two workflows are called 'expert'"),
        (["best.flow"], [], "reports use the name 'best'"),
        (["1.flow"], [], "'1' is no name"),
        (["=a.flow"], [], "'' is no name"),
        (["a="], [], "a=: it reads NAME=FILE"),
        (["="], [], "=: it reads NAME=FILE"),
        ([], ["expert", "baseline", "expert"], "--with expert: it is given more than once"),
        (["gone.flow"], [], "gone.flow: No such file"),
        ([], [], "no workflow is given"),
    ],
)
def test_names_that_cannot_be_are_refused(
    files: list[str], built_in: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("b").mkdir()
    for name in ("a.flow", "b/a.flow", "expert.flow", "best.flow", "1.flow"):
        Path(name).write_text(evaluations.SOURCE)
    with pytest.raises(CommandFailed, match=re.escape(said)) as caught:
        asyncio.run(named_workflows(files, built_in, NOWHERE))
    assert caught.value.code == 2


async def test_a_registered_workflow_stands_for_a_file(tmp_path: Path) -> None:
    async with generator(f"sqlite+aiosqlite:///{tmp_path / 'generator.db'}") as registry:
        async with Client(generator=registry) as client:
            await create(client.registry, "planner", WORKFLOW)
            await create(client.registry, "planner", evaluations.SOURCE)
            await promote(client.registry, "planner@1", 0)
        given = ["planner@production", "newest=workflows/planner", "planner@2"]
        assert await named_workflows(given, [], registry) == {
            "planner-production": WORKFLOW,
            "newest": evaluations.SOURCE,
            "planner-2": evaluations.SOURCE,
        }
        with pytest.raises(rpc.NotFound, match="workflows/planner@9"):
            await named_workflows(["planner@9"], [], registry)


async def test_where_no_registry_answers_the_option_for_it_is_named() -> None:
    with pytest.raises(CommandFailed, match="say by --registry where it is") as caught:
        await named_workflows(["planner@9"], [], "127.0.0.1:1")
    assert caught.value.code == 3


async def test_a_hand_written_workflow_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotFound, match="nobody"):
        await named_workflows([], ["nobody"], NOWHERE)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--with", "nobody"],
        ["--with", "expert", "--split", "x"],
    ],
)
async def test_wrong_usage_is_told_before_anything_is_asked_for(arguments: list[str]) -> None:
    finished = await autoflow("evaluate", *arguments)
    assert finished.code == 2, finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("evaluate --with expert --out gone/page.html", "--out gone/page.html: there is no such folder"),
        ("runs report ID --out gone/page.html", "--out gone/page.html: there is no such folder"),
        ("evaluate --with expert --local --trainer x:1", "--local is without a trainer"),
        ("evaluate --with expert --data there", "--data is for --local"),
        ("evaluate --with expert --local --data there --interpreter no", "no model is named 'no'"),
    ],
)
async def test_what_cannot_be_done_is_said_before_anything_is_begun(
    command: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # What the environment says is no contradiction.
    finished = await autoflow(*command.split(), env={"AUTOFLOW_TRAINER_ADDRESS": "127.0.0.1:1"})
    assert (finished.code, finished.out) == (2, "")
    assert said in finished.error
    assert os.listdir(tmp_path) == []

"""`autoflow execute planner@production`: a registered workflow, by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoflow.cli.source import is_registered
from autoflow.client import Client
from autoflow.testing import ScriptedModel, catalogue_of, serving
from autoflow_interpreter import build
from tests.cli.harness import WORKFLOW, autoflow
from tests.generator.registry.requests import create, promote
from tests.generator.registry.servers import generator

ANSWER = "Image Captioning"


@pytest.mark.parametrize("name", ["planner@production", "planner@3", "workflows/planner", "workflows/a@b"])
def test_names_of_registered_workflows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_registered(name)
    # What is a file is a file.
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(WORKFLOW)
    assert not is_registered(name)


@pytest.mark.parametrize("name", ["-", "planner", "planner.flow", "./planner@3.flow", "a/b@c", "@", "a@"])
def test_names_of_files(name: str) -> None:
    assert not is_registered(name)


async def test_a_registered_workflow_is_executed(tmp_path: Path) -> None:
    model = ScriptedModel(lambda messages: ANSWER, choose=lambda messages, options: 0)
    async with generator(f"sqlite+aiosqlite:///{tmp_path / 'generator.db'}") as registry:
        async with Client(generator=registry) as client:
            await create(client.registry, "planner", WORKFLOW)
            await promote(client.registry, "planner@1", 0)
        env = {"AUTOFLOW_GENERATOR_ADDRESS": registry, "AUTOFLOW_INTERPRETER_DATA": str(tmp_path)}
        async with serving(build(env, catalogue_of(model))) as address:
            options = ("--query", "Describe it.", "--model", "scripted", "--interpreter", address)
            done = await autoflow("execute", "planner@production", *options)
            unknown = await autoflow("execute", "planner@staging", *options)
    assert (done.code, done.out) == (0, f"{ANSWER}\n"), done.err
    assert "workflows/planner@1" in done.err
    instruction = WORKFLOW.splitlines()[0].split(":::")[2]
    assert instruction in " ".join(done.err.split())
    assert (unknown.code, unknown.out) == (2, "")
    assert "there is no `workflows/planner@staging`" in " ".join(unknown.err.split())

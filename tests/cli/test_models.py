"""`autoflow models` against real endpoints and a real generator."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoflow.cli.console import Output
from autoflow.cli.models.checking import check_models
from autoflow.cli.models.listing import list_models
from autoflow.testing import ScriptedModel, catalogue_of, serving
from autoflow.testing.endpoint import ScriptedEndpoint
from autoflow_generator import build
from tests.cli.harness import autoflow, called
from tests.llm.endpoints import EVERYTHING, able, deaf, write_catalogue

SECRET = "sk-live-0123456789"


async def test_the_catalogue_of_this_environment_is_listed(tmp_path: Path) -> None:
    path = write_catalogue(
        tmp_path / "models.yaml",
        "http://127.0.0.1:1/v1",
        ["mine"],
        prices={"prompt": 0.25, "completion": 2},
        capabilities={"json_schema": True, "max_n": 8},
        context_tokens=400_000,
        key_variable="SOME_KEY",
    )
    finished = await autoflow("models", "list", env={"AUTOFLOW_MODELS": str(path), "SOME_KEY": SECRET})
    assert finished.code == 0
    header, embedded, mine = [line.split() for line in finished.out.splitlines() if line[0] != " "]
    assert header[:3] == ["model", "provider", "context"]
    assert embedded[:4] == ["embedded", "embedded", "1,024", "-"]
    assert mine == ["mine", "openai", "400,000", "0.25/2", "json_schema", "n<=8"]
    assert SECRET not in finished.out + finished.err

    keyless = await autoflow("models", "list", env={"AUTOFLOW_MODELS": str(path)})
    assert keyless.code == 0
    assert "mine cannot be called: its key is missing: SOME_KEY is not set" in keyless.err


async def test_a_generator_is_asked_for_its_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    catalogue = catalogue_of(ScriptedModel(lambda messages: "", name="theirs"))
    async with serving(build({}, catalogue)) as address:
        finished = await called(list_models(address, Output(json=True)), capsys)
    (model,) = finished.document["models"]
    assert (model["name"], model["provider"], model["context_tokens"]) == ("theirs", "testing", 0)
    assert model["capabilities"]["max_n"] == 1
    assert "prices" not in model


async def test_a_generator_that_is_not_there_is_named() -> None:
    finished = await autoflow("models", "list", "--generator", "127.0.0.1:1")
    assert finished.code == 3
    assert "no generator answers at 127.0.0.1:1" in finished.error


async def test_a_file_that_is_wrong_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(f"models: {{mine: {{api_key: {SECRET}}}}}")
    for command in ("list", "check"):
        finished = await autoflow("models", command, env={"AUTOFLOW_MODELS": str(path)})
        assert finished.code == 2
        assert "models.mine.api_key: there is no such field" in finished.error
        assert SECRET not in finished.err


async def test_a_check_that_holds(tmp_path: Path) -> None:
    async with ScriptedEndpoint.serving(able) as endpoint:
        path = write_catalogue(tmp_path / "models.yaml", endpoint.base_url, capabilities={"seed": True})
        finished = await autoflow("models", "check", "mine", env={"AUTOFLOW_MODELS": str(path)})
    assert finished.code == 0, finished.err
    assert finished.out.startswith("mine\n")
    assert ["seed", "stated", "works"] in [line.split() for line in finished.out.splitlines()]
    assert finished.err.startswith("mine answers what is not stated: max_n, stop, ")


async def test_a_check_that_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ScriptedEndpoint.serving(deaf) as endpoint:
        path = write_catalogue(tmp_path / "models.yaml", endpoint.base_url, capabilities=EVERYTHING)
        monkeypatch.setenv("AUTOFLOW_MODELS", str(path))
        finished = await called(check_models(["mine"], 64, 20, Output(json=True)), capsys)
    assert finished.code == 1
    (record,) = finished.records
    assert (record["model"], record["holds"]) == ("mine", False)
    by_name = {finding["capability"]: finding for finding in record["findings"]}
    assert by_name["max_n"] == {
        "capability": "max_n",
        "stated": True,
        "verdict": "ignored",
        "detail": "2 completions took 2 calls",
        "holds": False,
    }
    assert by_name["chat"]["verdict"] == "works"


async def test_a_model_that_is_unknown_or_has_no_key_cannot_be_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_catalogue(tmp_path / "models.yaml", "http://127.0.0.1:1/v1", key_variable="SOME_KEY")
    monkeypatch.setenv("AUTOFLOW_MODELS", str(path))
    unknown = await called(check_models(["other"], 64, 20, Output()), capsys)
    assert (unknown.code, "'other'; there are: embedded, mine" in unknown.error) == (2, True)
    keyless = await called(check_models(["mine"], 64, 20, Output()), capsys)
    assert (keyless.code, "SOME_KEY is not set" in keyless.error) == (2, True)

"""Models in folders, and adapters on servers, as a catalogue's file states them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from autoflow.llm import Message, Role, Sampling, UnknownAdapter, UnknownModel, tiny
from autoflow.llm.catalogue import LOCAL_CAPABILITIES, Catalogue, default_catalogue
from autoflow.llm.catalogue_file import read_catalogue
from autoflow.llm.descriptions import ModelDescription
from autoflow.llm.probe import ADAPTERS, Verdict
from autoflow.settings import SettingsError
from autoflow.store.artifacts import ArtifactStore
from autoflow.testing.vllm import BASE, VllmFleet
from tests.llm.endpoints import found, write_catalogue

PROMPT = [Message(Role.USER, "nobody may log this")]


def catalogue_of(
    folder: Path, fields: Mapping[str, object], env: Mapping[str, str] | None = None
) -> Catalogue:
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump({"models": {"mine": {"provider": "local", **fields}}}))
    always = {"AUTOFLOW_MODELS": str(path), "AUTOFLOW_PRELOAD_MODELS": "none"}
    return default_catalogue({**always, **(env or {})})


def refusal(folder: Path, fields: Mapping[str, object]) -> str:
    with pytest.raises(SettingsError) as caught:
        catalogue_of(folder, fields)
    return str(caught.value).partition("models.yaml: ")[2]


async def test_a_folder_is_a_model_like_the_embedded_one(tmp_path: Path) -> None:
    shutil.copytree(tiny.path(), tmp_path / "checkpoint")
    catalogue = catalogue_of(tmp_path, {"path": "checkpoint"})
    assert catalogue.description("mine") == ModelDescription(
        "mine", "local", LOCAL_CAPABILITIES, tiny.CONTEXT_TOKENS
    )
    assert catalogue.weights("mine") == tmp_path / "checkpoint"
    assert catalogue.weights("embedded") == tiny.path()
    try:
        mine, embedded = await catalogue.get("mine"), await catalogue.get("embedded")
        assert (mine.name, mine.capabilities) == ("mine", LOCAL_CAPABILITIES)
        sampling = Sampling(max_tokens=8)
        assert (await mine.complete(PROMPT, sampling)).token_ids == (
            await embedded.complete(PROMPT, sampling)
        ).token_ids
        with pytest.raises(UnknownAdapter, match="AUTOFLOW_ARTIFACTS"):
            await mine.complete(PROMPT, sampling, adapter=f"sha256:{'a' * 64}")
    finally:
        await catalogue.close()


@pytest.mark.parametrize(
    ("stated", "env", "context"),
    [(0, {}, 1024), (64, {}, 64), (4096, {}, 1024), (0, {"AUTOFLOW_CONTEXT": "32"}, 32)],
)
def test_the_context_is_what_the_entry_the_settings_and_the_model_allow(
    tmp_path: Path, stated: int, env: dict[str, str], context: int
) -> None:
    catalogue = catalogue_of(tmp_path, {"path": str(tiny.path()), "context_tokens": stated}, env)
    assert catalogue.description("mine").context_tokens == context


async def test_a_folder_without_a_model_is_listed_and_cannot_be_had(tmp_path: Path) -> None:
    catalogue = catalogue_of(tmp_path, {"path": "nowhere"})
    assert catalogue.names == ("embedded", "mine")
    with pytest.raises(
        UnknownModel, match=r"'mine' cannot be called: path: there is no config\.json"
    ) as caught:
        await catalogue.get("mine")
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("missing", ["model.safetensors", "tokenizer.json", "chat_template.jinja"])
async def test_a_folder_that_cannot_be_loaded_is_told_without_its_path(tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(tiny.path(), folder, ignore=shutil.ignore_patterns(missing))
    if missing.endswith("jinja"):
        (folder / missing).write_text("")
    catalogue = catalogue_of(tmp_path, {"path": "checkpoint"})
    with pytest.raises(UnknownModel, match="'mine' cannot be called: path: no model can be loaded") as caught:
        await catalogue.get("mine")
    assert str(tmp_path) not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "models.mine.path: Field required"),
        ({"path": ""}, "models.mine.path: "),
        ({"path": "x", "endpoint": "http://h/v1"}, "models.mine.endpoint: there is no such field"),
        ({"path": "x", "context_tokens": -1}, "models.mine.context_tokens: "),
        ({"path": "x", "provider": "magic"}, "models.mine.provider: Input should be 'openai' or 'local'"),
        ({"path": "x", "provider": None}, "models.mine.provider: "),
    ],
)
def test_what_is_wrong_about_a_folder_is_named(tmp_path: Path, fields: dict[str, object], says: str) -> None:
    assert refusal(tmp_path, fields).startswith(says)


@pytest.mark.parametrize(
    ("adapters", "says"),
    [
        ({}, "provider: Field required"),
        ({"provider": "magic"}, "provider: Input should be 'vllm'"),
        ({"provider": "vllm", "replicas": ["sk-live"]}, "replicas.0: it reads http://HOST/PATH"),
        ({"provider": "vllm", "resolve": "http://u:p@h/v1"}, "resolve: a URL here holds no user"),
        (
            {"provider": "vllm", "resolve": "http://h/v1", "replicas": ["http://h/v1"]},
            " it states replicas or resolve, not both",
        ),
        ({"provider": "vllm", "folder": "/adapters"}, "folder: it is the path of a folder from / on"),
        ({"provider": "vllm", "folder": "a/{digest}"}, "folder: it is the path of a folder from / on"),
        ({"provider": "vllm", "folder": "/{digest}/{name}"}, "folder: it is the path of a folder from / on"),
        ({"provider": "vllm", "keep": 0}, "keep: "),
        ({"provider": "vllm", "refresh": 0}, "refresh: "),
        ({"provider": "vllm", "load_timeout": 0}, "load_timeout: "),
        ({"provider": "vllm", "key": "sk-live"}, "key: there is no such field"),
    ],
)
def test_what_is_wrong_about_adapters_is_named(
    tmp_path: Path, adapters: dict[str, object], says: str
) -> None:
    path = write_catalogue(tmp_path / "models.yaml", "http://h/v1", adapters=adapters)
    with pytest.raises(SettingsError) as caught:
        read_catalogue(path, {})
    said = str(caught.value)
    assert said.removeprefix(f"{path}: models.mine.adapters").lstrip(".:").startswith(says)
    assert "sk-live" not in said


async def test_adapters_of_the_artifact_store_reach_the_servers(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"r": 8}')
    (folder / "autoflow.json").write_text('{"run": "runs/r-1", "version": 3}')
    digest = ArtifactStore(str(tmp_path / "artifacts")).put_folder(folder)
    async with VllmFleet.of(2) as fleet:
        stated = {"provider": "vllm", "replicas": list(fleet.urls)}
        path = write_catalogue(tmp_path / "models.yaml", fleet.base_url, model=BASE, adapters=stated)
        env = {
            "AUTOFLOW_MODELS": str(path),
            "AUTOFLOW_ARTIFACTS": str(tmp_path / "artifacts"),
            "AUTOFLOW_ADAPTER_CACHE": str(tmp_path / "cache"),
        }
        catalogue = default_catalogue(env)
        assert catalogue.description("mine").capabilities.adapters
        assert catalogue.weights("mine") is None
        try:
            model = await catalogue.get("mine")
            drawn = await model.complete(PROMPT, Sampling(), adapter=digest)
            with pytest.raises(UnknownAdapter, match="the artifact store has no adapter"):
                await model.complete(PROMPT, Sampling(), adapter=f"sha256:{'a' * 64}")
        finally:
            await catalogue.close()
        hexadecimal = digest.removeprefix("sha256:")
        name = f"r-1-v3-{hexadecimal[:8]}"
        assert drawn.text == f"0:{name}"
        cached = str(tmp_path / "cache" / hexadecimal)
        assert [replica.loaded for replica in fleet.replicas] == [{name: cached}] * 2


async def test_a_probe_asks_every_server_whether_it_would_load_adapters(tmp_path: Path) -> None:
    async with VllmFleet.of(2) as fleet:
        stated = {"provider": "vllm", "replicas": list(fleet.urls)}
        path = write_catalogue(tmp_path / "models.yaml", fleet.base_url, model=BASE, adapters=stated)
        env = {"AUTOFLOW_MODELS": str(path)}
        finding = (await found(env, "mine"))[ADAPTERS]
        assert (finding.stated, finding.verdict) == (True, Verdict.WORKS)
        assert finding.detail == "2 servers would load them"
        fleet.replicas[1].allows_updates = False
        finding = (await found(env, "mine"))[ADAPTERS]
        assert (finding.verdict, finding.holds) == (Verdict.REFUSED, False)
        assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING" in finding.detail

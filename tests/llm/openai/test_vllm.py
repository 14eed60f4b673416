"""A real vLLM with the embedded model, where `AUTOFLOW_TEST_VLLM` names its executable `vllm`.

Its wheel does not agree with the versions that are installed here, so it lives in an environment of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoflow.llm import Capabilities, Completion, Sampling, UnknownAdapter, tiny
from autoflow.llm.adapters import AdapterFolders
from autoflow.llm.local import LocalModel
from autoflow.llm.openai import AdapterServing, Endpoint, OpenAIModel
from autoflow.llm.openai.lora.addresses import Replica
from autoflow.llm.openai.lora.api import AdapterApi
from autoflow.store.artifacts import ArtifactStore
from autoflow.testing.random_model import write_random_adapter
from tests.llm.openai.bench import KEY, PROMPT
from tests.llm.openai.peers import free_port, served

VLLM = os.environ.get("AUTOFLOW_TEST_VLLM", "")
START_SECONDS = 240.0
SAMPLING = Sampling(max_tokens=12, log_probs=True)

pytestmark = [
    pytest.mark.skipif(not VLLM, reason="AUTOFLOW_TEST_VLLM names no vllm"),
    pytest.mark.timeout(2 * START_SECONDS),
]


@pytest.fixture(scope="module")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its base URL."""
    folder = tmp_path_factory.mktemp("vllm")
    port = free_port()
    options = {
        "served-model-name": "base",
        "host": "127.0.0.1",
        "port": port,
        "dtype": "float32",
        "max-model-len": tiny.CONTEXT_TOKENS,
        "max-lora-rank": 16,
        "max-loras": 2,
        "api-key": KEY,
    }
    command = [VLLM, "serve", str(tiny.path()), "--enable-lora", "--enforce-eager"]
    command += [f"--{name}={value}" for name, value in options.items()]
    env = {
        **os.environ,
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    with served(command, env, folder, f"http://127.0.0.1:{port}/health", START_SECONDS):
        yield f"http://127.0.0.1:{port}/v1"


@dataclass(frozen=True)
class Shelf:
    """Adapters in an artifact store."""

    root: Path

    @property
    def folders(self) -> AdapterFolders:
        return AdapterFolders(ArtifactStore(str(self.root / "artifacts")), self.root / "cache")

    def put(self, version: int, rank: int = 4) -> str:
        folder = self.root / f"made-{version}"
        write_random_adapter(tiny.path(), folder, seed=version, r=rank)
        (folder / "autoflow.json").write_text(json.dumps({"run": "runs/r-1", "version": version}))
        return ArtifactStore(str(self.root / "artifacts")).put_folder(folder)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def endpoint(vllm: str) -> Endpoint:
    return Endpoint(
        name="real",
        model="base",
        base_url=vllm,
        api_key=KEY,
        capabilities=Capabilities(adapters=True, seed=True, log_probs=True, token_ids=True),
        attempts=2,
        adapters=AdapterServing(keep=1),
    )


@pytest.fixture
async def model(endpoint: Endpoint, shelf: Shelf) -> AsyncIterator[OpenAIModel]:
    model = OpenAIModel(endpoint, folders=shelf.folders)
    yield model
    await model.close()


async def drawn_here(shelf: Shelf, adapter: str) -> Completion:
    model = LocalModel.load("here", tiny.path(), adapters=shelf.folders)
    try:
        return await model.complete(PROMPT, SAMPLING, adapter=adapter)
    finally:
        await model.close()


async def test_an_adapter_draws_there_what_it_draws_here(model: OpenAIModel, shelf: Shelf) -> None:
    adapter = shelf.put(1)
    theirs = await model.complete(PROMPT, SAMPLING, adapter=adapter)
    ours = await drawn_here(shelf, adapter)
    assert theirs.token_ids == ours.token_ids
    assert theirs.log_probs == pytest.approx(ours.log_probs, abs=1e-3)
    assert (await model.complete(PROMPT, SAMPLING)).token_ids != theirs.token_ids


async def test_what_is_lost_is_loaded_again(model: OpenAIModel, endpoint: Endpoint, shelf: Shelf) -> None:
    adapter = shelf.put(2)
    before = await model.complete(PROMPT, SAMPLING, adapter=adapter)
    api = AdapterApi(endpoint)
    await api.unload(Replica(endpoint.base_url), f"r-1-v2-{adapter[7:15]}", float("inf"))
    await api.close()
    assert (await model.complete(PROMPT, SAMPLING, adapter=adapter)).token_ids == before.token_ids


async def test_what_does_not_fit_is_unknown(model: OpenAIModel, shelf: Shelf) -> None:
    with pytest.raises(UnknownAdapter, match="cannot load the adapter r-1-v3-"):
        await model.complete(PROMPT, SAMPLING, adapter=shelf.put(3, rank=64))


async def test_what_is_not_there_is_unknown(endpoint: Endpoint) -> None:
    api = AdapterApi(endpoint)
    with pytest.raises(UnknownAdapter, match="does not find the adapter's folder"):
        await api.load(Replica(endpoint.base_url), "nothing", "/nowhere", float("inf"))
    await api.unload(Replica(endpoint.base_url), "nothing", float("inf"))
    await api.close()


async def test_whether_it_takes_adapters_can_be_asked(model: OpenAIModel) -> None:
    assert await model.check_adapters() == 1

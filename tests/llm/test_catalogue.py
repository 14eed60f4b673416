from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from autoflow.llm import (
    Capabilities,
    Embedder,
    LanguageModel,
    Message,
    ModelUnavailable,
    PromptTooLong,
    Role,
    Sampling,
    UnknownAdapter,
    UnknownModel,
    Unsupported,
)
from autoflow.llm.adapters import AdapterFolders
from autoflow.llm.catalogue import Catalogue, Entry, Loader, default_catalogue
from autoflow.llm.descriptions import ModelDescription
from autoflow.store.artifacts import ArtifactStore
from autoflow.testing import ScriptedEmbedder, ScriptedModel, catalogue_of, entry_of


class GatedLoader:
    """Loads when it is let through; fails the first times if asked to."""

    def __init__(self, failures: int = 0) -> None:
        self.loads = 0
        self.gate = asyncio.Event()
        self._failures = failures

    async def __call__(self) -> LanguageModel:
        self.loads += 1
        await self.gate.wait()
        if self.loads <= self._failures:
            raise ModelUnavailable("not yet")
        return ScriptedModel(lambda messages: "", name="slow")


async def test_a_model_is_loaded_once_and_when_it_is_first_wanted() -> None:
    load = GatedLoader()
    catalogue = Catalogue([entry_of("slow", load)])
    await catalogue.start()
    assert load.loads == 0

    callers = [asyncio.create_task(catalogue.get("slow")) for _ in range(5)]
    await asyncio.sleep(0)
    load.gate.set()
    models = await asyncio.gather(*callers)

    assert load.loads == 1
    assert all(model is models[0] for model in models)
    assert await catalogue.get("slow") is models[0]


async def test_a_load_that_failed_is_tried_again() -> None:
    load = GatedLoader(failures=1)
    load.gate.set()
    catalogue = Catalogue([entry_of("slow", load)])
    with pytest.raises(ModelUnavailable):
        await catalogue.get("slow")

    assert (await catalogue.get("slow")).name == "slow"
    assert load.loads == 2


async def test_a_caller_who_leaves_does_not_stop_the_load_for_the_others() -> None:
    load = GatedLoader()
    catalogue = Catalogue([entry_of("slow", load)])
    leaving, staying = (asyncio.create_task(catalogue.get("slow")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    load.gate.set()

    assert (await staying).name == "slow"
    assert load.loads == 1


async def test_an_unknown_model_is_told_apart_and_the_known_ones_are_named() -> None:
    catalogue = catalogue_of(
        ScriptedModel(lambda messages: "", name="b"), ScriptedModel(lambda messages: "", name="a")
    )
    with pytest.raises(UnknownModel, match="'c'; there are: a, b"):
        await catalogue.get("c")
    with pytest.raises(UnknownModel, match="there are: none"):
        await Catalogue([]).get("c")


async def test_it_is_ready_when_what_is_to_be_preloaded_is_loaded_and_until_it_is_closed() -> None:
    load = GatedLoader()
    catalogue = Catalogue([entry_of("slow", load), entry_of("lazy", load)], preload=["slow"])
    assert not await catalogue.ready()
    starting = asyncio.create_task(catalogue.start())
    await asyncio.sleep(0)
    assert not await catalogue.ready()
    load.gate.set()
    await starting
    assert await catalogue.ready()
    assert load.loads == 1

    await catalogue.close()
    assert not await catalogue.ready()


async def test_a_model_that_has_broken_down_is_loaded_anew_once() -> None:
    load = GatedLoader()
    load.gate.set()
    catalogue = Catalogue([entry_of("slow", load)], preload=["slow"])
    await catalogue.start()
    broken = await catalogue.get("slow")
    await broken.close()
    assert not await catalogue.ready()

    models = await asyncio.gather(*(catalogue.get("slow") for _ in range(3)))
    assert load.loads == 2
    assert all(model is models[0] for model in models)
    assert models[0] is not broken
    assert await catalogue.ready()


async def test_a_start_that_fails_says_so() -> None:
    with pytest.raises(UnknownModel):
        await Catalogue([], preload=["missing"]).start()


async def test_closing_closes_the_models_even_one_that_is_still_being_loaded() -> None:
    load = GatedLoader()
    ready = ScriptedModel(lambda messages: "", name="ready")
    catalogue = Catalogue([entry_of("slow", load), entry_of("ready", _loader(ready))])
    await catalogue.get("ready")
    late = asyncio.create_task(catalogue.get("slow"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(catalogue.close())
    await asyncio.sleep(0)
    load.gate.set()
    await closing

    assert ready.closed
    model = await late
    assert isinstance(model, ScriptedModel)
    assert model.closed
    with pytest.raises(ModelUnavailable):
        await catalogue.get("ready")


def test_a_setting_that_cannot_be_read_is_an_error() -> None:
    assert default_catalogue({"AUTOFLOW_PRELOAD_MODELS": "none"}).names == ("embedded",)
    with pytest.raises(ValueError, match="Protocol not known"):
        default_catalogue({"AUTOFLOW_ARTIFACTS": "nonsense://x"})


async def test_preloading_can_be_turned_off_or_asked_for_by_name() -> None:
    nothing = default_catalogue({"AUTOFLOW_PRELOAD_MODELS": "none"})
    await nothing.start()
    assert await nothing.ready()
    with pytest.raises(UnknownModel, match="'other'"):
        await default_catalogue({"AUTOFLOW_PRELOAD_MODELS": "other, "}).start()


@pytest.mark.parametrize(("context", "tokens"), [("", 1024), ("256", 256), ("4096", 1024)])
async def test_the_embedded_model_comes_with_the_distribution(
    tmp_path: Path, context: str, tokens: int
) -> None:
    env = {
        "AUTOFLOW_ARTIFACTS": str(tmp_path / "store"),
        "AUTOFLOW_ADAPTER_CACHE": str(tmp_path / "cache"),
        "AUTOFLOW_CONTEXT": context,
    }
    catalogue = default_catalogue(env)
    await catalogue.start()
    assert await catalogue.ready()
    model = await catalogue.get("embedded")

    (description,) = catalogue.descriptions
    assert description.capabilities == model.capabilities
    assert description.context_tokens == tokens
    with pytest.raises(PromptTooLong, match=rf"\b{tokens}\b"):
        await model.complete([Message(Role.USER, "x" * 5000)], Sampling())

    messages = [Message(Role.USER, "Task: Describe a noisy picture\nName the input")]
    completion = await model.complete(messages, Sampling(max_tokens=4))
    assert 1 <= len(completion.token_ids) <= 4
    with pytest.raises(UnknownAdapter):
        await model.complete(messages, Sampling(), adapter="sha256:" + "0" * 64)
    await catalogue.close()
    with pytest.raises(ModelUnavailable):
        await model.complete(messages, Sampling())


_WITHOUT_TORCH = """
import asyncio, sys
sys.modules["torch"] = None  # As if it were not installed.

from autoflow.client import Client, errors
from autoflow.testing import serving
from autoflow.v1 import model_pb2
from autoflow.v1.generator_service_pb2 import GenerateWorkflowsRequest
import autoflow_generator, autoflow_interpreter, autoflow_scorer

async def main():
    for package in (autoflow_interpreter, autoflow_scorer):
        async with serving(package.build({})):
            pass
    async with serving(autoflow_generator.build({})) as address, Client(generator=address) as client:
        request = GenerateWorkflowsRequest(model=model_pb2.ModelRef(model="embedded"), goal="g", count=1)
        try:
            async for _ in client.generator.generate_workflows(request):
                pass
        except errors.NotFound as error:
            print(error.message)

asyncio.run(main())
assert "transformers" not in sys.modules
"""


def test_services_run_without_torch_and_say_what_the_embedded_model_needs() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TORCH], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "pip install 'autoflow-services[local]'" in ran.stdout


def test_an_adapter_is_fetched_once(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "adapter_config.json").write_text("{}")
    store = ArtifactStore(str(tmp_path / "store"))
    digest = store.put_folder(tmp_path / "made")
    folder = AdapterFolders(store, tmp_path / "cache")(digest)

    assert (folder / "adapter_config.json").read_text() == "{}"
    # Without a store only the cache can have answered.
    assert AdapterFolders(None, tmp_path / "cache")(digest) == folder


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "../../etc", "sha256:../../etc", ""])
def test_an_adapter_that_is_not_there_is_unknown(tmp_path: Path, digest: str) -> None:
    folders = AdapterFolders(ArtifactStore(str(tmp_path / "store")), tmp_path / "cache")
    with pytest.raises(UnknownAdapter):
        folders(digest)


def test_without_a_store_there_are_no_adapters(tmp_path: Path) -> None:
    with pytest.raises(UnknownAdapter, match="AUTOFLOW_ARTIFACTS"):
        AdapterFolders(None, tmp_path)("sha256:" + "0" * 64)


def _loader(model: LanguageModel) -> Loader:
    async def load() -> LanguageModel:
        return model

    return load


async def test_what_makes_embeddings_is_the_models_own_or_the_catalogues() -> None:
    own, shared = ScriptedEmbedder(lambda text: [1.0]), ScriptedEmbedder(lambda text: [2.0])

    async def load() -> LanguageModel:
        raise AssertionError("nobody asks the model")

    async def load_own() -> Embedder:
        return own

    async def load_shared() -> Embedder:
        return shared

    able = Entry(ModelDescription("able", "testing", Capabilities()), load, load_embedder=load_own)
    catalogue = Catalogue([able, entry_of("other", load)], embedder=load_shared)
    assert await catalogue.embedder("able") is own
    assert await catalogue.embedder("other") is shared
    with pytest.raises(UnknownModel, match="no model is named 'third'"):
        await catalogue.embedder("third")
    with pytest.raises(Unsupported, match=r"for the model 'other': .*AUTOFLOW_EMBEDDER"):
        await Catalogue([entry_of("other", load)]).embedder("other")

    await catalogue.close()
    assert (own.closed, shared.closed) == (True, True)
    with pytest.raises(ModelUnavailable, match="stopping"):
        await catalogue.embedder("able")


async def test_a_folder_without_an_encoder_is_told_without_its_path(tmp_path: Path) -> None:
    catalogue = default_catalogue({"AUTOFLOW_EMBEDDER": str(tmp_path), "AUTOFLOW_PRELOAD_MODELS": "none"})
    with pytest.raises(Unsupported, match="holds no text encoder") as refused:
        await catalogue.embedder("embedded")
    assert str(tmp_path) not in str(refused.value)

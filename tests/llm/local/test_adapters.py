"""LoRA adapters of a local model, against peft."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from autoflow.llm.base import Completion, Message, Role, Sampling, UnknownAdapter
from autoflow.llm.local import LocalModel
from autoflow.testing.random_model import SMALL_SHAPE, write_random_adapter, write_random_model

GO = [Message(Role.USER, "Select the models for the input.")]


@pytest.fixture(scope="session")
def folders(llama: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Four adapters of the llama, by digest."""
    write = partial(write_random_adapter, llama.folder)
    folder = tmp_path_factory.mktemp("adapters")
    return {
        "sha256:a": write(folder / "a", seed=1),
        "sha256:b": write(folder / "b", seed=2),
        "sha256:c": write(folder / "c", seed=3, r=2, target_modules="all-linear"),
        "sha256:d": write(folder / "d", seed=4, use_rslora=True),
    }


@pytest.fixture
def adapters(folders: dict[str, Path]) -> Callable[[str], Path]:
    def find(digest: str) -> Path:
        if digest not in folders:
            raise UnknownAdapter(f"the store has no {digest}")
        return folders[digest]

    return find


async def draw(model: LocalModel, adapter: str | None, sampling: Sampling | None = None) -> Completion:
    return await model.complete(GO, sampling or Sampling(max_tokens=16), adapter=adapter)


async def test_an_adapter_draws_what_peft_draws(
    load: Any, llama: Any, folders: dict[str, Path], adapters: Any
) -> None:
    async with load(llama, adapters) as model:
        for digest, folder in folders.items():
            peft = PeftModel.from_pretrained(
                AutoModelForCausalLM.from_pretrained(llama.folder), str(folder)
            ).eval()
            greedy = await draw(model, digest)
            sample = await draw(model, digest, Sampling(0.9, 16, 5))
            assert greedy.token_ids == llama.greedy(greedy.prompt_token_ids, 16, peft)
            expected = llama.log_probs(sample, temperature=0.9, model=peft)
            torch.testing.assert_close(torch.tensor(sample.log_probs), expected, atol=1e-4, rtol=0)


async def test_adapters_in_flight_together_do_not_mix(
    load: Any, llama: Any, folders: dict[str, Path], adapters: Any
) -> None:
    async with load(llama, adapters) as model:
        alone = {digest: await draw(model, digest) for digest in [None, *folders]}
        crowd = [digest for digest in [None, *folders] for _ in range(3)]
        together = await asyncio.gather(*(draw(model, digest) for digest in crowd))
    assert [each.token_ids for each in together] == [alone[digest].token_ids for digest in crowd]
    assert len({completion.token_ids for completion in alone.values()}) == 5


async def test_adapters_that_wait_for_room_are_served_in_turn(
    load: Any, llama: Any, folders: dict[str, Path], adapters: Any
) -> None:
    async with load(llama, adapters) as model:
        expected = [(await draw(model, digest)).token_ids for digest in folders]
    async with load(llama, adapters, max_adapters=1) as model:
        drawn = await asyncio.gather(*(draw(model, digest) for digest in [*folders, *folders]))
    assert [completion.token_ids for completion in drawn] == expected * 2


async def test_the_model_itself_is_the_same_to_the_bit(load: Any, llama: Any, adapters: Any) -> None:
    async with load(llama, adapters) as model:
        before = await draw(model, None, Sampling(1.0, 24, 3))
    async with load(llama, adapters) as model:
        for digest in ["sha256:a", "sha256:c"]:
            await draw(model, digest)
        after = await draw(model, None, Sampling(1.0, 24, 3))
    assert after == before


async def test_one_adapter_does_not_reuse_what_another_computed(load: Any, llama: Any, adapters: Any) -> None:
    async with load(llama, adapters) as model:
        for digest in [None, "sha256:a", "sha256:b"]:
            await draw(model, digest)
        assert model.counters.reused_tokens == 0
        await draw(model, "sha256:a")
        assert model.counters.reused_tokens > 0


async def test_choosing_takes_an_adapter(
    load: Any, llama: Any, folders: dict[str, Path], adapters: Any
) -> None:
    letters = "ABCDEFGHIJKLMNOP"
    peft = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(llama.folder), str(folders["sha256:b"])
    ).eval()
    with torch.no_grad():
        logits = peft(input_ids=torch.tensor([llama.tokenizer.prompt_ids(GO)])).logits[0, -1]
    expected = int(logits[[llama.tokenizer.ids(letter)[0] for letter in letters]].argmax())
    async with load(llama, adapters) as model:
        assert (await model.choose(GO, letters, adapter="sha256:b"))[0] == expected
        assert (await model.choose(GO, letters))[0] != expected


def _other_model(llama: Any, folder: Path) -> Path:
    other = write_random_model(folder / "other", shape={**SMALL_SHAPE, "hidden_size": 32})
    return write_random_adapter(other, folder / "adapter")


def _other_modules(llama: Any, folder: Path) -> Path:
    path = write_random_adapter(llama.folder, folder)
    settings = path / "adapter_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "target_modules": ["c_attn"]}))
    return path


def _half_of_it(llama: Any, folder: Path) -> Path:
    path = write_random_adapter(llama.folder, folder) / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({name: weights[name] for name in sorted(weights)[::2]}, path)
    return folder


def _no_weights(llama: Any, folder: Path) -> Path:
    (write_random_adapter(llama.folder, folder) / "adapter_model.safetensors").unlink()
    return folder


def _pickled(llama: Any, folder: Path) -> Path:
    path = write_random_adapter(llama.folder, folder)
    torch.save(load_file(path / "adapter_model.safetensors"), path / "adapter_model.bin")
    (path / "adapter_model.safetensors").unlink()
    return path


def _not_lora(llama: Any, folder: Path) -> Path:
    path = write_random_adapter(llama.folder, folder)
    settings = path / "adapter_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "peft_type": "IA3"}))
    return path


def _nothing(llama: Any, folder: Path) -> Path:
    return folder


@pytest.mark.parametrize(
    "spoil", [_other_model, _other_modules, _half_of_it, _no_weights, _pickled, _not_lora, _nothing]
)
@pytest.mark.parametrize("first", [True, False], ids=["as the first", "after another"])
async def test_an_adapter_that_does_not_fit_harms_nobody(
    load: Any,
    llama: Any,
    folders: dict[str, Path],
    tmp_path: Path,
    spoil: Callable[[Any, Path], Path],
    first: bool,
) -> None:
    bad = spoil(llama, tmp_path)
    async with load(llama, lambda digest: bad if digest == "bad" else folders[digest]) as model:
        base = await draw(model, None)
        if not first:
            await draw(model, "sha256:b")
        company = asyncio.create_task(draw(model, None, Sampling(max_tokens=100)))
        with pytest.raises(UnknownAdapter, match="does not fit"):
            await draw(model, "bad")
        good = await draw(model, "sha256:a")
        assert (await draw(model, None)).token_ids == base.token_ids
        assert len((await company).token_ids) == 100
    async with load(llama, lambda digest: folders[digest]) as model:
        assert (await draw(model, "sha256:a")).token_ids == good.token_ids


async def test_what_is_wrong_with_an_adapter_is_for_the_log_alone(
    load: Any, llama: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = write_random_adapter(llama.folder, tmp_path / "bad")
    (bad / "adapter_config.json").unlink()
    async with load(llama, lambda digest: bad) as model:
        with pytest.raises(UnknownAdapter) as caught:
            await draw(model, "sha256:bad")
    assert str(caught.value) == "the adapter sha256:bad does not fit the model"
    # The library names the folder.
    assert str(bad) in str(caught.value.__cause__)
    assert str(bad) in caplog.text


async def test_an_adapter_the_store_does_not_have_is_unknown(load: Any, llama: Any, adapters: Any) -> None:
    async with load(llama, adapters) as model:
        with pytest.raises(UnknownAdapter, match="the store has no"):
            await draw(model, "sha256:0")


async def test_without_a_store_every_adapter_is_unknown(load: Any, llama: Any) -> None:
    async with load(llama) as model:
        with pytest.raises(UnknownAdapter, match="no adapters"):
            await draw(model, "sha256:a")


async def test_an_adapter_may_vanish_once_it_is_loaded(
    load: Any, llama: Any, folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folders["sha256:a"], tmp_path / "copy"))
    async with load(llama, lambda digest: folder) as model:
        before = await draw(model, "sha256:a")
        shutil.rmtree(folder)
        assert (await draw(model, "sha256:a")).token_ids == before.token_ids

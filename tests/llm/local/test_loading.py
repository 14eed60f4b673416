from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from autoflow.llm.base import LanguageModel, Message, Role, Sampling
from autoflow.llm.local import ChatTokenizer, LocalModel, LocalSettings
from autoflow.testing.random_model import SMALL_SHAPE, write_random_model


async def test_it_is_a_language_model(load: Any, llama: Any) -> None:
    async with load(llama) as local:
        model: LanguageModel = local
        can = model.capabilities
        assert (model.name, can.grammar, can.choice, can.max_n) == ("test", True, True, 1)


async def test_half_precision_runs(load: Any, llama: Any) -> None:
    async with load(llama, dtype="bfloat16") as model:
        completion = await model.complete([Message(Role.USER, "go")], Sampling(1.0, 10))
    expected = llama.log_probs(completion)
    # Sixteen bits are good for two digits.
    torch.testing.assert_close(torch.tensor(completion.log_probs), expected, atol=0.5, rtol=0)


def test_weights_that_are_pickled_are_refused(llama: Any, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama.folder)
    llama.tokenizer.tokenizer.save_pretrained(tmp_path)
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        LocalModel.load("test", tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises((OSError, ValueError)):
        LocalModel.load("test", tmp_path)


def test_an_architecture_beyond_the_engine_is_refused(tmp_path: Path) -> None:
    write_random_model(tmp_path, architecture="gemma2")
    with pytest.raises(ValueError, match="softcap"):
        LocalModel.load("test", tmp_path)


def test_sinks_in_attention_are_noticed(tmp_path: Path) -> None:
    write_random_model(tmp_path, architecture="gpt_oss", num_local_experts=2, num_experts_per_tok=1)
    with pytest.raises(ValueError, match="cannot run GptOss"):
        LocalModel.load("test", tmp_path)


def test_a_context_beyond_the_memory_is_refused(llama: Any, tmp_path: Path) -> None:
    folder = write_random_model(tmp_path, shape={**SMALL_SHAPE, "max_position_embeddings": 8192})
    with pytest.raises(ValueError, match="takes 4 MiB of keys and values"):
        LocalModel.load("test", folder, settings=LocalSettings(cache_mib=3))


def test_chats_become_ids_by_the_template(llama: Any) -> None:
    tokenizer = llama.tokenizer
    ids = tokenizer.prompt_ids(
        [Message(Role.USER, "one"), Message(Role.ASSISTANT, "two"), Message(Role.USER, "three")]
    )
    text = tokenizer.tokenizer.decode(ids)
    assert text == "<|user|>one<|assistant|>two<|end|><|user|>three<|assistant|>"


def test_text_is_without_special_tokens_and_otherwise_as_drawn(llama: Any) -> None:
    tokenizer = llama.tokenizer
    said = "Step 1 :::  process , don't\n"
    assert tokenizer.text([*tokenizer.ids(said), *tokenizer.stop_ids]) == said


def test_every_end_token_that_a_folder_names_counts(llama: Any, tmp_path: Path) -> None:
    folder = write_random_model(tmp_path)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [7, 9]}))
    assert ChatTokenizer.load(folder).stop_ids == {7, 9, *llama.tokenizer.stop_ids}


def test_a_tokenizer_without_a_chat_template_is_refused(llama: Any, tmp_path: Path) -> None:
    folder = write_random_model(tmp_path)
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ValueError, match="chat template"):
        ChatTokenizer.load(folder)

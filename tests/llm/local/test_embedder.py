"""Embeddings by a text encoder in this process, of random weights."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModel, BertConfig, BertModel, PreTrainedTokenizerFast

from autoflow.llm import ModelUnavailable, Unsupported
from autoflow.llm.local import LocalEmbedder

WORDS = ["[PAD]", "[UNK]", "a", "noisy", "picture", "of", "the", "sea"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=12,
        initializer_range=0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    words = models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]")
    tokenizer = Tokenizer(words)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )
    return folder


async def test_an_embedding_is_the_mean_over_the_tokens_with_a_length_of_one(folder: Path) -> None:
    embedder = LocalEmbedder.load(folder)
    texts = ["a noisy picture", "sea", "the sea of the picture of a sea", "a noisy picture"]
    vectors, usage = await embedder.embed(texts)
    alone, _ = await embedder.embed(texts[:1])
    await embedder.close()

    assert [len(vector) for vector in vectors] == [16] * 4
    assert all(math.isclose(math.hypot(*vector), 1.0, rel_tol=1e-5) for vector in vectors)
    # Neither its company nor its padding changes a text's vector.
    assert vectors[0] == pytest.approx(vectors[3], abs=1e-6)
    assert vectors[0] == pytest.approx(alone[0], abs=1e-5)
    assert (usage.calls, usage.prompt_tokens, usage.completion_tokens) == (1, 3 + 1 + 8 + 3, 0)
    model = AutoModel.from_pretrained(folder)
    with torch.inference_mode():
        hidden = model(input_ids=torch.tensor([[2, 3, 4]])).last_hidden_state[0]
    mean = hidden.mean(dim=0)
    assert alone[0] == pytest.approx((mean / mean.norm()).tolist(), abs=1e-5)


async def test_a_long_text_is_cut_off_and_many_are_computed_in_parts(folder: Path) -> None:
    embedder = LocalEmbedder.load(folder)
    vectors, usage = await embedder.embed(["sea " * 100] * 40)
    await embedder.close()
    assert len(vectors) == 40
    assert usage.prompt_tokens == 40 * 12


async def test_one_that_is_closed_says_so(folder: Path) -> None:
    embedder = LocalEmbedder.load(folder)
    assert embedder.alive
    await embedder.close()
    await embedder.close()
    assert not embedder.alive
    with pytest.raises(ModelUnavailable, match="closed"):
        await embedder.embed(["sea"])


def test_weights_that_are_no_safetensors_are_not_read(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save(AutoModel.from_pretrained(folder).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(Unsupported, match="no text encoder"):
        LocalEmbedder.load(tmp_path)

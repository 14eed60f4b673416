"""Small encoders with random weights and real tokenizers, as folders that transformers reads.

Weights are drawn large, so that what a layer does shows in the result.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast, RobertaTokenizer

_TEXT = (
    "a blue cube left of the small red circle under two green stars finds every object and translates its "
    "caption into german then answers questions about an image's unlikely tokenisation "
    "Größe naïve 東京 🙂 42 3.5%"
)
WORDS = _TEXT.split()
_SHAPE = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4}


def sentences(count: int, seed: int, longest: int = 24) -> list[str]:
    """Random texts of words that the tokenizers were trained on."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(1, longest))) for _ in range(count)]


def write_text_model(folder: Path, architecture: str = "bert", **config: Any) -> Path:
    """Writes an encoder of texts of at most 64 tokens."""
    offset = 2 if architecture == "roberta" else 0
    settings: dict[str, Any] = {
        **_SHAPE,
        "vocab_size": 400,
        "max_position_embeddings": 64 + offset,
        "pad_token_id": offset // 2,
    }
    if architecture == "distilbert":
        settings = {"dim": 32, "hidden_dim": 48, "n_layers": 3, "n_heads": 4, "max_position_embeddings": 64}
        settings |= {"vocab_size": 400, "pad_token_id": 0}
    _write_model(folder, architecture, **{**settings, **config})
    if offset:
        _roberta_tokenizer().save_pretrained(folder)
    else:
        names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
        _save_tokenizer(folder, _word_pieces(), model_max_length=64, **names)
    return folder


def write_clip(folder: Path, *, misnamed_end: bool = False) -> Path:
    """Writes a CLIP for texts of at most 16 tokens and images of 32 by 32."""
    tokenizer = _byte_pairs(("<|startoftext|>", "<|endoftext|>"), vocabulary=380)
    # As in CLIP, the end token has the highest number.
    tokenizer.add_special_tokens(["<|end|>"])
    end: Any = tokenizer.token_to_id("<|end|>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|end|>", special_tokens=[("<|startoftext|>", 0), ("<|end|>", end)]
    )
    text: dict[str, Any] = {**_SHAPE, "vocab_size": end + 1, "max_position_embeddings": 16, "bos_token_id": 0}
    text["eos_token_id"] = 2 if misnamed_end else end
    vision = {**_SHAPE, "image_size": 32, "patch_size": 8}
    _write_model(folder, "clip", text_config=text, vision_config=vision, projection_dim=24)
    _save_tokenizer(folder, tokenizer, model_max_length=16, pad_token="<|end|>", eos_token="<|end|>")
    _save_pixels(folder, [0.48, 0.46, 0.41], [0.27, 0.26, 0.28])
    return folder


def write_vit(folder: Path, architecture: str = "vit", **config: Any) -> Path:
    """Writes an encoder of images of 32 by 32."""
    _write_model(folder, architecture, **{**_SHAPE, "image_size": 32, "patch_size": 8, **config})
    _save_pixels(folder, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
    return folder


def _write_model(folder: Path, architecture: str, **settings: Any) -> None:
    config = AutoConfig.for_model(architecture, **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: Any = AutoModel.from_config(config)
        for name, parameter in model.named_parameters():
            is_norm = parameter.ndim == 1 and name.endswith("weight")
            torch.nn.init.normal_(parameter, float(is_norm), 1.0 if "embeddings" in name else 0.2)
    model.save_pretrained(folder)


def _word_pieces() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(WORDS * 2, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def _byte_pairs(special: tuple[str, ...], vocabulary: int = 400) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(WORDS * 2, trainer)
    return tokenizer


def _roberta_tokenizer() -> Any:
    model = json.loads(_byte_pairs(("<s>", "<pad>", "</s>", "<unk>", "<mask>")).to_str())["model"]
    merges: Any = [tuple(merge) for merge in model["merges"]]
    return RobertaTokenizer(vocab=model["vocab"], merges=merges, model_max_length=64)


def _save_tokenizer(folder: Path, tokenizer: Tokenizer, **settings: Any) -> None:
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **settings).save_pretrained(folder)


def _save_pixels(folder: Path, mean: list[float], std: list[float]) -> None:
    settings = {"size": {"height": 32, "width": 32}, "image_mean": mean, "image_std": std}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")

"""Tokenizers of the small models: the same ones in every run, for nothing is trained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

_CORPUS = (
    "The small orange flower stands on a meadow at night, and a large black fish swims beside it. "
    "What colour is the flower? How many fish are there? A traveller came by train to the old town; "
    "the weather was lovely. translate English to German: Eine kleine Blume steht auf der Wiese."
)


def words() -> dict[str, int]:
    """A vocabulary of words and letters, as BERT's: by piece its number."""
    whole = sorted(set(re.findall(r"\w+|[^\w\s]", _CORPUS.lower())))
    letters = sorted(set("".join(whole)))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *whole]
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}


def _word_pieces() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(words(), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def byte_pairs() -> Tokenizer:
    """A tokenizer of bytes and a few merges, as BART's."""
    merges = [("t", "h"), ("th", "e"), ("i", "s"), ("f", "is"), ("e", "r"), ("o", "w")]
    pieces = ["<s>", "<pad>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet()), *map("".join, merges)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.add_special_tokens(pieces[:3])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def save_byte_pairs(folder: Path) -> None:
    """Saves `byte_pairs`."""
    PreTrainedTokenizerFast(
        tokenizer_object=byte_pairs(),
        model_max_length=64,
        model_input_names=["input_ids", "attention_mask"],
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
    ).save_pretrained(folder)


def save_words(
    folder: Path, names: Sequence[str] = ("input_ids", "attention_mask"), longest: int = 64
) -> None:
    """Saves a tokenizer of `words`."""
    PreTrainedTokenizerFast(
        tokenizer_object=_word_pieces(),
        model_max_length=longest,
        model_input_names=list(names),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)

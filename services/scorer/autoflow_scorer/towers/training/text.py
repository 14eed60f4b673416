"""The text tower: a BERT whose BERTScore tells a paraphrase from a text that says something else.

It is trained on the very number that it is used for: BERTScore's F1 (Zhang et al., arXiv 1904.09675) of a
text's tokens to those of a paraphrase, against the F1 to a text that differs in a detail and to all other
texts of the batch; and on masked tokens (Devlin et al., arXiv 1810.04805), so that a token stands for its
context. The layer to use is the last. The pooler that transformers expects is there, untrained.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from autoflow_scorer.towers.training import tokens
from autoflow_scorer.towers.training.corpus import Corpus, Triple
from autoflow_scorer.towers.training.optimisation import Schedule, optimise

CONTEXT = 256
VOCABULARY = 2_048
SCHEDULE = Schedule(scenes=30_000, steps=800, batch=32, matrix_rate=4e-3, other_rate=2e-3)
BASELINE = "bertscore_baseline.json"
"""The file with the mean scores of unrelated texts, by layer."""

_BASELINE_BATCHES = 16
_MASKED = 0.15
_POOL = 16
_SHARPNESS = 0.05
"""The difference of two F1 that counts as one."""


def train(out: Path, schedule: Schedule, cache: Path | None = None) -> dict[str, float]:
    """Trains the tower and writes it, with its baseline.

    Returns:
        The final losses.
    """
    torch.manual_seed(schedule.seed)
    dice = torch.Generator().manual_seed(schedule.seed)
    tokenizer = _tokenizer(schedule)
    model = BertModel._from_config(_config(), attn_implementation="eager")
    to_vocabulary = nn.Linear(model.config.hidden_size, model.config.hidden_size)
    batches = _batches(Corpus(schedule.seed, schedule.scenes), schedule.batch, random.Random(schedule.seed))

    def losses(step: int) -> dict[str, Tensor]:
        ids, mask = _encoded([text for kind in zip(*next(batches), strict=True) for text in kind], tokenizer)
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
        f1 = scores(functional.normalize(hidden.float(), dim=-1), ids, schedule.batch)[2]
        right = torch.arange(schedule.batch)
        same, other = f1[right, right], f1[right, right + schedule.batch]
        return {
            "which": functional.cross_entropy(f1 / _SHARPNESS, right),
            "detail": functional.softplus((other - same + 0.05) / _SHARPNESS).mean(),
            "masked": 0.3
            * _masked_loss(model, to_vocabulary, ids[: schedule.batch], mask[: schedule.batch], dice),
        }

    final = optimise([model, to_vocabulary], schedule, losses, "text")
    _write_baseline(model.eval(), tokenizer, out / BASELINE)
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    return final


def _batches(corpus: Corpus, size: int, rng: random.Random) -> Iterator[list[Triple]]:
    """Batches of triples of like length, so that little is padded and no text is told by its length."""
    while True:
        pool = sorted((corpus.draw() for _ in range(size * _POOL)), key=lambda triple: len(triple.text))
        for start in rng.sample(range(0, len(pool), size), _POOL):
            yield pool[start : start + size]


def scores(embedded: Tensor, ids: Tensor, texts: int) -> Tensor:
    """BERTScore's precision, recall and F1 of the first texts with all that follow, [3, texts, n - texts].

    As in the reference code, the marks of start and end may be matched but do not count.

    Args:
        embedded: normalised embeddings of tokens, [n, length, width].
        ids: [n, length].
        texts: how many of the n come first.
    """
    present = ids != tokens.PAD_ID
    counted = (present & (ids != tokens.START_ID) & (ids != tokens.END_ID)).float()
    cosines = torch.einsum("ald,bmd->albm", embedded[:texts], embedded[texts:])
    hidden = -2.0 * ~present
    forth = (cosines + hidden[None, None, texts:]).amax(3)
    back = (cosines + hidden[:texts, :, None, None]).amax(1)
    recall = torch.einsum("alb,al->ab", forth, counted[:texts]) / counted[:texts].sum(1)[:, None]
    precision = torch.einsum("abm,bm->ab", back, counted[texts:]) / counted[texts:].sum(1)
    # Cosines may be negative; near a sum of nought F1 would leap to any value.
    one, other = precision.clamp(min=1e-3), recall.clamp(min=1e-3)
    f1 = 2 * one * other / (one + other)
    return torch.stack([precision, recall, f1])


def _masked_loss(
    model: BertModel, head: nn.Linear, ids: Tensor, mask: Tensor, dice: torch.Generator
) -> Tensor:
    chosen = (torch.rand(ids.shape, generator=dice) < _MASKED) & (ids > tokens.END_ID)
    chosen[0, 1] = True
    hidden = model(input_ids=ids.masked_fill(chosen, tokens.MASK_ID), attention_mask=mask).last_hidden_state
    logits = head(hidden[chosen]) @ model.embeddings.word_embeddings.weight.T
    return functional.cross_entropy(logits.float(), ids[chosen])


def _write_baseline(model: BertModel, tokenizer: PreTrainedTokenizerFast, file: Path) -> None:
    """Means of precision, recall and F1 of unrelated texts, for each layer from the embeddings up."""
    corpus = Corpus(1)
    sums = torch.zeros(model.config.num_hidden_layers + 1, 3)
    for _ in range(_BASELINE_BATCHES):
        ids, mask = _encoded([corpus.draw().text for _ in range(64)], tokenizer)
        with torch.inference_mode():
            layers = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        for layer, hidden in enumerate(layers):
            sums[layer] += scores(functional.normalize(hidden, dim=-1), ids, 32).mean((1, 2))
    means = (sums / _BASELINE_BATCHES).tolist()
    table = [dict(zip(("precision", "recall", "f1"), row, strict=True)) for row in means]
    file.write_text(json.dumps({"pairs": 32 * 32 * _BASELINE_BATCHES, "layers": table}, indent=2) + "\n")


def _encoded(texts: list[str], tokenizer: PreTrainedTokenizerFast) -> tuple[Tensor, Tensor]:
    encoded = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    return encoded["input_ids"], encoded["attention_mask"]


def _tokenizer(schedule: Schedule) -> PreTrainedTokenizerFast:
    corpus = Corpus(schedule.seed + 1, schedule.scenes)
    texts = (text for _ in range(6_000) for text in _written(corpus.draw()))
    return tokens.train_tokenizer(texts, VOCABULARY, CONTEXT)


def _written(triple: Triple) -> tuple[str, ...]:
    return triple.text, triple.same


def _config() -> BertConfig:
    return BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        type_vocab_size=1,
        hidden_act="gelu",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokens.PAD_ID,
        bos_token_id=tokens.START_ID,
        eos_token_id=tokens.END_ID,
    )

"""Trains the embedded model from nothing: `python -m autoflow.llm.tiny.train --out FOLDER`.

A Llama of 3.7 M parameters, on chats made by `autoflow.llm.tiny.corpus`, with the loss on assistant turns
alone. Matrices are updated by Muon (Jordan et al. 2024), all else by AdamW; the learning rate warms up,
stays, and falls linearly to zero. Equal seeds give equal data; weights agree up to the rounding of bf16.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from autoflow.llm.base import Role
from autoflow.llm.tiny.corpus.samples import Corpus, Sample
from autoflow.llm.tiny.tokenizer import ASSISTANT, END, USER, VOCABULARY, train_tokenizer

_IGNORED = -100
_POOL = 1_024


@dataclass(frozen=True)
class TrainingSettings:
    """How the embedded model is trained."""

    tokens: int = 8_000_000
    """Tokens seen, padding not counted."""
    batch_tokens: int = 6_144
    """Tokens of a batch, padding counted."""
    context: int = 1_024
    """The longest chat, in tokens; longer samples are dropped."""
    matrix_rate: float = 5e-3
    """Muon's learning rate."""
    other_rate: float = 3e-3
    """AdamW's learning rate, for embeddings and norms."""
    weight_decay: float = 0.05
    warm_up: int = 60
    """Steps until the learning rate is reached."""
    decay_share: float = 0.6
    """The last part of the training, in which the learning rate falls to zero."""
    seed: int = 0


Encoded = tuple[list[int], list[int]]
"""A chat's token ids and its labels, `_IGNORED` where nothing is learned."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Trains the embedded model from nothing.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--tokens", type=int, default=TrainingSettings.tokens, help="tokens to train on")
    parser.add_argument("--seed", type=int, default=TrainingSettings.seed, help="seed of data and weights")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    train(TrainingSettings(tokens=arguments.tokens, seed=arguments.seed), arguments.out)


def train(settings: TrainingSettings, out: Path) -> None:
    """Trains and writes the model, as transformers reads it, with `training.json` beside it."""
    torch.manual_seed(settings.seed)
    started = time.monotonic()
    tokenizer = _fit_tokenizer(settings)
    model = _new_model(tokenizer, settings)
    optimizers = _optimizers(model, settings)
    seen, step, loss = 0, 0, 0.0
    for ids, labels in _batches(tokenizer, settings):
        rate = _rate(step, seen / settings.tokens, settings)
        batch_loss = _step(model, optimizers, ids, labels, rate)
        loss = batch_loss if step == 0 else 0.98 * loss + 0.02 * batch_loss
        seen += int((ids != tokenizer.pad_token_id).sum())
        step += 1
        if step % 50 == 0:
            seconds = time.monotonic() - started
            print(
                f"step {step}  tokens {seen:,}  loss {loss:.4f}  {seen / seconds:,.0f} tokens/s", flush=True
            )
        if seen >= settings.tokens:
            break
    seconds = time.monotonic() - started
    _save(model, tokenizer, out, {**asdict(settings), "steps": step, "loss": loss, "seconds": seconds})


def encode(sample: Sample, tokenizer: PreTrainedTokenizerFast) -> Encoded:
    """Renders a chat as the chat template does, with labels on the turns that are learned.

    Turns are tokenised one by one, as the marks between them never merge with text.
    """
    turns = [message for message in sample.messages if message.role is not Role.SYSTEM]
    first_learned = len(turns) - 2 * sample.learned_turns
    mark = tokenizer.get_vocab()[ASSISTANT]
    ids: list[int] = []
    labels: list[int] = []
    texts = [USER + turn.content if turn.role is Role.USER else turn.content + END for turn in turns]
    for index, encoded in enumerate(tokenizer(texts, add_special_tokens=False)["input_ids"]):
        if turns[index].role is Role.ASSISTANT:
            ids.append(mark)
            labels.append(_IGNORED)
        learned = turns[index].role is Role.ASSISTANT and index >= first_learned
        ids += encoded
        labels += encoded if learned else [_IGNORED] * len(encoded)
    return ids, labels


def _fit_tokenizer(settings: TrainingSettings) -> PreTrainedTokenizerFast:
    texts = (
        message.content
        for sample in islice(Corpus(settings.seed + 1), 20_000)
        for message in sample.messages[1:]
    )
    return train_tokenizer(texts, settings.context)


def _new_model(tokenizer: PreTrainedTokenizerFast, settings: TrainingSettings) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=640,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=settings.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def _optimizers(
    model: LlamaForCausalLM, settings: TrainingSettings
) -> list[tuple[torch.optim.Optimizer, float]]:
    matrices = [weight for weight in model.model.layers.parameters() if weight.ndim == 2]
    chosen = {id(weight) for weight in matrices}
    others = [weight for weight in model.parameters() if id(weight) not in chosen]
    muon = torch.optim.Muon(matrices, lr=settings.matrix_rate, weight_decay=settings.weight_decay)
    adam = torch.optim.AdamW(others, lr=settings.other_rate, betas=(0.9, 0.95), weight_decay=0.0)
    return [(muon, settings.matrix_rate), (adam, settings.other_rate)]


def _rate(step: int, progress: float, settings: TrainingSettings) -> float:
    """The learning rate as a part of its full value."""
    return min(1.0, (step + 1) / settings.warm_up, max(0.0, (1 - progress) / settings.decay_share))


def _step(
    model: LlamaForCausalLM,
    optimizers: list[tuple[torch.optim.Optimizer, float]],
    ids: torch.Tensor,
    labels: torch.Tensor,
    rate: float,
) -> float:
    learned = labels[:, 1:] != _IGNORED
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][learned]
        logits = model.lm_head(hidden)
    loss = functional.cross_entropy(logits.float(), labels[:, 1:][learned])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer, full in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = full * rate
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


def _batches(
    tokenizer: PreTrainedTokenizerFast, settings: TrainingSettings
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of chats of like length, so that little is padded."""
    shuffle = torch.Generator().manual_seed(settings.seed)
    samples = iter(Corpus(settings.seed))
    while True:
        pool = [encode(sample, tokenizer) for sample in islice(samples, _POOL)]
        pool = sorted(
            (chat for chat in pool if len(chat[0]) <= settings.context), key=lambda chat: len(chat[0])
        )
        batches = list(_cut(pool, settings.batch_tokens))
        for index in torch.randperm(len(batches), generator=shuffle).tolist():
            yield _pad(batches[index], tokenizer)


def _cut(pool: list[Encoded], batch_tokens: int) -> Iterator[list[Encoded]]:
    batch: list[Encoded] = []
    for chat in pool:
        if batch and (len(batch) + 1) * len(chat[0]) > batch_tokens:
            yield batch
            batch = []
        batch.append(chat)
    yield batch


def _pad(batch: list[Encoded], tokenizer: PreTrainedTokenizerFast) -> tuple[torch.Tensor, torch.Tensor]:
    length = max(len(ids) for ids, _ in batch)
    ids = torch.full((len(batch), length), tokenizer.pad_token_id)
    labels = torch.full((len(batch), length), _IGNORED)
    for row, (chat_ids, chat_labels) in enumerate(batch):
        ids[row, : len(chat_ids)] = torch.tensor(chat_ids)
        labels[row, : len(chat_labels)] = torch.tensor(chat_labels)
    return ids, labels


def _save(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path, facts: dict[str, object]
) -> None:
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "training.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()

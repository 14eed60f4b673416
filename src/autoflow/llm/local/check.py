"""Puts the engine's attention into a model, and makes sure that the model still computes what it did.

transformers passes a model's peculiarities to attention in many ways. Rather than to keep a list of
architectures, loading compares the engine's logits for a small ragged batch, read in pieces, with those of
the model as it came. Not found this way: what only begins beyond the length of the check, other than
sliding windows.
"""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from autoflow.llm.local import attention
from autoflow.llm.local.attention import Packing, Span
from autoflow.llm.local.cache import SlotCache

_LENGTH = 12
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
"""Greatest error of logits allowed, relative to their norm."""


def install(model: PreTrainedModel) -> int:
    """Switches a model over to the engine's attention.

    Args:
        model: a causal model with an attention implementation of its own.

    Returns:
        The bytes that keys and values of one token take.

    Raises:
        ValueError: the engine cannot run this architecture.
    """
    kind = type(model).__name__
    if getattr(model.config.get_text_config(), "attention_chunk_size", None):
        raise ValueError(f"the engine cannot run {kind}: it attends in chunks")
    vocabulary = model.config.get_text_config().vocab_size
    first, second = (torch.arange(2 * _LENGTH, device=model.device) % vocabulary).split(_LENGTH)
    try:
        with torch.inference_mode():
            expected = torch.stack([model(input_ids=row[None]).logits[0] for row in (first, second)]).float()
            attention.register()
            model.set_attn_implementation(attention.IMPLEMENTATION)
            cache = SlotCache(slots=2, context=_LENGTH)
            actual = _in_pieces(model, cache, first, second).float()
    except (TypeError, KeyError, AttributeError, RuntimeError, ValueError) as error:
        raise ValueError(f"the engine cannot run {kind}: {error}") from error
    distance = float((actual - expected).norm() / expected.norm())
    if not distance < _TOLERANCE.get(model.dtype, 0.1):
        raise ValueError(f"the engine cannot run {kind}: its logits differ by {distance:.1%}")
    return cache.bytes_per_token


def _in_pieces(
    model: PreTrainedModel, cache: SlotCache, first: torch.Tensor, second: torch.Tensor
) -> torch.Tensor:
    """Two sequences in three passes: of different lengths, of one token each, and the rest."""
    cuts = [(0, 5, 0, 3), (5, 6, 3, 4), (6, _LENGTH, 4, _LENGTH)]
    logits: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    for start, stop, other_start, other_stop in cuts:
        spans = [Span(0, start, stop - start), Span(1, other_start, other_stop - other_start)]
        packing = Packing(cache, spans, model.device)
        output = model(
            input_ids=torch.cat([first[start:stop], second[other_start:other_stop]])[None],
            position_ids=packing.positions[None],
            use_cache=False,
            packing=packing,
        ).logits[0]
        logits[0].append(output[: stop - start])
        logits[1].append(output[stop - start :])
    return torch.stack([torch.cat(each) for each in logits])

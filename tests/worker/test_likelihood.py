"""Log-likelihoods and losses against naive sums in float64, and gradients against finite differences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from autoflow_worker.policy.likelihood import PaddedBatch, log_probs, masked_log_probs, pad
from autoflow_worker.policy.loss import k3, weighted_loss

VOCABULARY = 13
TEMPERATURE = 0.7
PROMPT = (1, 5, 2)
COMPLETIONS = ((3, 4, 5, 6), (7,), (8, 0))


def masks(token_ids: Sequence[int]) -> Tensor:
    """A grammar of the tests' own: at even positions the neighbours of a token, at odd ones all but three."""
    allowed = torch.zeros(len(token_ids), VOCABULARY, dtype=torch.bool)
    for position, token in enumerate(token_ids):
        if position % 2 == 0:
            allowed[position, [(token + offset) % VOCABULARY for offset in (-1, 0, 1, 5)]] = True
        else:
            allowed[position] = True
            allowed[position, [(token + offset) % VOCABULARY for offset in (2, 3, 4)]] = False
    return allowed


def small_model(dtype: torch.dtype = torch.float64, vocabulary: int = VOCABULARY) -> LlamaForCausalLM:
    """A Llama of a few hundred weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=8,
            intermediate_size=12,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            initializer_range=0.5,
        )
        model: LlamaForCausalLM = LlamaForCausalLM(config)
        torch.nn.Module.to(model, dtype)
        model.eval()
        return model


def naive(model: LlamaForCausalLM, completion: Sequence[int], temperature: float) -> list[float]:
    """Each token's log-probability by one forward pass a token and Python's own exp and log."""
    values = []
    for position, token in enumerate(completion):
        context = torch.tensor([[*PROMPT, *completion[:position]]])
        with torch.no_grad():
            logits = model(input_ids=context).logits[0, -1].tolist()
        allowed = masks(completion)[position].tolist()
        weights = [math.exp(logits[index] / temperature) for index in range(VOCABULARY) if allowed[index]]
        values.append(logits[token] / temperature - math.log(sum(weights)))
    return values


def test_it_is_the_naive_likelihood_of_the_masked_draw() -> None:
    model = small_model()
    batch = pad(PROMPT, COMPLETIONS, masks)
    found = log_probs(model, batch, TEMPERATURE)
    for row, completion in enumerate(COMPLETIONS):
        assert found[row, : len(completion)].tolist() == pytest.approx(
            naive(model, completion, TEMPERATURE), abs=1e-6
        )
        assert not found[row, len(completion) :].any()


def test_what_the_grammar_forbids_takes_no_probability() -> None:
    logits = torch.zeros(1, 1, 4)
    batch = PaddedBatch(
        input_ids=torch.tensor([[0, 2]]),
        targets=torch.tensor([[2]]),
        real=torch.tensor([[True]]),
        allowed=torch.tensor([[[False, True, True, False]]]),
    )
    assert masked_log_probs(logits, batch, 1.0).exp().item() == pytest.approx(0.5)


def test_logits_beyond_the_vocabulary_count_for_nothing() -> None:
    batch = pad(PROMPT, COMPLETIONS, masks)
    logits = torch.randn(3, 4, VOCABULARY, generator=torch.Generator().manual_seed(1))
    wider = torch.cat([logits, torch.full((3, 4, 7), 50.0)], dim=-1)
    torch.testing.assert_close(masked_log_probs(wider, batch, 1.0), masked_log_probs(logits, batch, 1.0))


def test_padding_changes_nothing() -> None:
    model = small_model()
    together = log_probs(model, pad(PROMPT, COMPLETIONS, masks), TEMPERATURE)
    for row, completion in enumerate(COMPLETIONS):
        alone = log_probs(model, pad(PROMPT, [completion], masks), TEMPERATURE)
        torch.testing.assert_close(together[row, : len(completion)], alone[0])


def loss_of(model: LlamaForCausalLM, reference: Tensor) -> Tensor:
    batch = pad(PROMPT, COMPLETIONS, masks)
    weights = torch.tensor([0.5, -0.25, 1 / 3], dtype=torch.float64)
    return weighted_loss(
        log_probs(model, batch, TEMPERATURE),
        reference,
        batch.real,
        weights,
        kl_weight=0.3,
        length_scale=5.0,
        log_ratio_limit=3.0,
    ).total


def test_gradients_are_those_of_finite_differences() -> None:
    model = small_model()
    with torch.no_grad():
        reference = log_probs(model, pad(PROMPT, COMPLETIONS, masks), TEMPERATURE)
        for parameter in model.parameters():
            parameter.mul_(1.05)  # Away from the reference, where the divergence has no gradient.
    loss_of(model, reference).backward()
    # float32 in the softmax limits how small a step may be.
    step = 1e-3
    for parameter in (model.lm_head.weight, model.model.layers[0].self_attn.q_proj.weight):
        assert parameter.grad is not None
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        for index in range(0, flat.numel(), 17):
            before = flat[index].item()
            with torch.no_grad():
                flat[index] = before + step
                above = loss_of(model, reference).item()
                flat[index] = before - step
                below = loss_of(model, reference).item()
                flat[index] = before
            assert gradient[index].item() == pytest.approx((above - below) / (2 * step), rel=2e-2, abs=2e-4)


def test_the_loss_by_hand() -> None:
    policy = torch.tensor([[-1.0, -2.0], [-0.5, 0.0]])
    reference = torch.tensor([[-1.5, -2.0], [-0.25, 0.0]])
    real = torch.tensor([[True, True], [True, False]])
    loss = weighted_loss(
        policy,
        reference,
        real,
        torch.tensor([0.5, -0.25]),
        kl_weight=0.1,
        length_scale=4.0,
        log_ratio_limit=10.0,
    )
    divergence = (math.exp(-0.5) - 1 + 0.5) + 0.0 + (math.exp(0.25) - 1 - 0.25)
    likelihood = 0.5 * -3.0 - 0.25 * -0.5
    assert loss.total.item() == pytest.approx(0.1 * divergence / (2 * 4) - likelihood / 4)
    assert loss.kl == pytest.approx(divergence / 3)


def test_k3_is_an_unbiased_estimate_of_the_divergence() -> None:
    policy = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64).log()
    reference = torch.tensor([0.4, 0.4, 0.2], dtype=torch.float64).log()
    exact = (policy.exp() * (policy - reference)).sum().item()
    estimate = (policy.exp() * k3(policy, reference, limit=10.0)).sum().item()
    assert estimate == pytest.approx(exact)
    assert k3(policy, policy, limit=10.0).tolist() == [0.0, 0.0, 0.0]


def test_an_outlying_token_neither_explodes_nor_pulls() -> None:
    policy = torch.tensor([-40.0, -1.0], requires_grad=True)
    estimate = k3(policy, torch.tensor([-1.0, -2.0]), limit=3.0)
    estimate.sum().backward()
    assert estimate[0].item() == pytest.approx(math.exp(3) - 4)
    assert policy.grad is not None
    assert policy.grad[0].item() == 0.0
    assert policy.grad[1].item() == pytest.approx(1 - math.exp(-1))

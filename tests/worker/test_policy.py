"""The policy in process: it learns, is kept bit by bit, and agrees with the sampler about likelihoods."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from autoflow.errors import FailedPrecondition
from autoflow.language import decoding_grammar
from autoflow.llm.base import Completion, Grammar, Message, Role, Sampling
from autoflow.llm.local import LocalModel
from autoflow.testing.random_model import write_random_model
from autoflow_worker.agreement import check_agreement
from autoflow_worker.methods import METHODS, LoraSettings
from autoflow_worker.policy.likelihood import log_probs, pad
from autoflow_worker.policy.loading import load, masks_of
from autoflow_worker.policy.model import LoraPolicy, load_base
from autoflow_worker.ports import Batch, Candidate, Prompt, WeightedSample
from autoflow_worker.spec import RunSpec

GRAMMAR = decoding_grammar(3)
CHAT = [Message(Role.USER, "Goal: plan.\nWrite a workflow.")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with random weights."""
    return write_random_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """The machine is shared."""
    torch.set_num_threads(1)


def policy_of(folder: Path, seed: int = 0, **lora: float) -> LoraPolicy:
    """A fresh policy."""
    defaults = METHODS["rloo"].defaults
    settings = LoraSettings(**{"learning_rate": 1e-2, **lora})  # type: ignore[arg-type]
    training = type(defaults)(iterations=1, candidates=1, temperature=0.9, lora=settings)
    return load(folder, RunSpec("planning", "embedded", "embedded", "", "rloo", seed, training))


async def drawn(model: LocalModel, count: int, adapter: str | None = None) -> list[Completion]:
    """Completions as the generator would draw them."""
    sampling = [Sampling(temperature=0.9, max_tokens=60, seed=seed) for seed in range(count)]
    calls = (
        model.complete(CHAT, each, constraint=Grammar(GRAMMAR, ""), adapter=adapter) for each in sampling
    )
    return list(await asyncio.gather(*calls))


def batch_of(completions: Sequence[Completion], weights: Sequence[float]) -> Batch:
    """Weighted samples of drawn completions."""
    return tuple(
        WeightedSample(completion.token_ids, weight)
        for completion, weight in zip(completions, weights, strict=True)
    )


def likelihoods(policy: LoraPolicy, folder: Path, completions: Sequence[Completion]) -> list[Tensor]:
    """Log-probabilities of completions under a policy, token by token."""
    batch = pad(
        completions[0].prompt_token_ids,
        [completion.token_ids for completion in completions],
        masks_of(folder)(GRAMMAR),
    )
    with torch.no_grad():
        found = log_probs(policy.model, batch, 0.9)
    return [row[: len(completion.token_ids)] for row, completion in zip(found, completions, strict=True)]


async def test_likelihoods_are_those_of_the_sampler_before_and_after_learning(
    folder: Path, tmp_path: Path
) -> None:
    policy = policy_of(folder)
    model = LocalModel.load("embedded", folder, adapters=lambda digest: tmp_path / "adapter")
    try:
        before = await drawn(model, 4)
        prompt = Prompt(before[0].prompt_token_ids, GRAMMAR)
        for found, completion in zip(likelihoods(policy, folder, before), before, strict=True):
            torch.testing.assert_close(found, torch.tensor(completion.log_probs), atol=2e-4, rtol=0)
        policy.update(prompt, [batch_of(before, [0.5, -0.5, 0.25, -0.25])] * 3)
        policy.save(tmp_path / "adapter", tmp_path / "optimizer")
        after = await drawn(model, 4, adapter="sha256:" + "0" * 64)
    finally:
        await model.close()
    assert [completion.token_ids for completion in after] != [completion.token_ids for completion in before]
    for found, completion in zip(likelihoods(policy, folder, after), after, strict=True):
        torch.testing.assert_close(found, torch.tensor(completion.log_probs), atol=2e-4, rtol=0)


@pytest.fixture(scope="module")
def samples(folder: Path) -> list[Completion]:
    """Six completions of the untrained model."""

    async def draw() -> list[Completion]:
        model = LocalModel.load("embedded", folder)
        try:
            return await drawn(model, 6)
        finally:
            await model.close()

    return asyncio.run(draw())


def prompt_of(samples: Sequence[Completion]) -> Prompt:
    return Prompt(samples[0].prompt_token_ids, GRAMMAR)


def test_a_fresh_policy_is_the_untrained_model(folder: Path, samples: list[Completion]) -> None:
    for found, completion in zip(likelihoods(policy_of(folder), folder, samples), samples, strict=True):
        torch.testing.assert_close(found, torch.tensor(completion.log_probs), atol=2e-4, rtol=0)


def test_the_policy_agrees_with_its_own_samples_and_not_with_those_of_other_weights(
    folder: Path, samples: list[Completion]
) -> None:
    policy, prompt = policy_of(folder), prompt_of(samples)
    drawn = [Candidate(None, False, each.token_ids, each.usage, each.log_probs) for each in samples]
    check_agreement(policy, prompt, drawn)
    policy.update(prompt, [batch_of(samples, [1, -1, 1, -1, 1, -1])] * 5)
    with pytest.raises(FailedPrecondition, match="does not sample from the model"):
        check_agreement(policy, prompt, drawn)


def test_the_base_model_is_read_in_float32_on_every_device(folder: Path) -> None:
    assert {load_base(folder, device).dtype for device in ("cpu", "meta")} == {torch.float32}


def test_weights_move_likelihoods_their_way(folder: Path, samples: list[Completion]) -> None:
    policy = policy_of(folder, kl_weight=0.0)
    before = [row.sum().item() for row in likelihoods(policy, folder, samples)]
    stats = policy.update(prompt_of(samples), [batch_of(samples, [1, 0, 0, -1, 0, 0])] * 2)
    after = [row.sum().item() for row in likelihoods(policy, folder, samples)]
    assert after[0] > before[0]
    assert after[3] < before[3]
    assert stats.gradient_norm > 0


def test_a_larger_weight_of_the_divergence_keeps_the_policy_nearer(
    folder: Path, samples: list[Completion]
) -> None:
    def divergence(kl_weight: float) -> float:
        policy = policy_of(folder, kl_weight=kl_weight)
        for _ in range(6):
            stats = policy.update(prompt_of(samples), [batch_of(samples[:1], [1.0])])
        return stats.kl

    assert policy_of(folder).update(prompt_of(samples), [batch_of(samples, [1.0] * 6)]).kl == 0
    assert divergence(10.0) < divergence(0.0)


def test_the_gradient_is_clipped(folder: Path, samples: list[Completion], tmp_path: Path) -> None:
    policy = policy_of(folder, max_gradient_norm=0.5)
    stats = policy.update(prompt_of(samples), [batch_of(samples[:1], [100.0])])
    assert stats.gradient_norm > 10
    policy.save(tmp_path / "adapter", tmp_path / "optimizer")
    moments = load_file(tmp_path / "optimizer" / "optimizer.safetensors")
    means = torch.cat([value.flatten() for name, value in moments.items() if name.endswith("/exp_avg")])
    # After one step AdamW's first moment is a tenth of the gradient that it was given.
    assert means.norm().item() == pytest.approx(0.05, rel=1e-3)


def test_steps_are_taken_at_the_rate_that_is_asked_for(folder: Path, samples: list[Completion]) -> None:
    def moved(rate: float) -> float:
        policy = policy_of(folder)
        before = torch.cat([each.flatten() for each in likelihoods(policy, folder, samples)])
        policy.update(prompt_of(samples), [batch_of(samples[:1], [1.0])], rate=rate)
        after = torch.cat([each.flatten() for each in likelihoods(policy, folder, samples)])
        return (after - before).abs().max().item()

    assert moved(0.0) == 0.0
    assert 0.0 < moved(0.01) < moved(1.0)


def test_learning_goes_on_bit_by_bit_from_what_was_saved(
    folder: Path, samples: list[Completion], tmp_path: Path
) -> None:
    prompt = prompt_of(samples)
    rounds = [batch_of(samples, [(index * step) % 5 / 5 - 0.4 for index in range(6)]) for step in range(1, 6)]
    whole = policy_of(folder)
    for batch in rounds:
        whole.update(prompt, [batch])
    whole.save(tmp_path / "whole", tmp_path / "whole-optimizer")

    first = policy_of(folder)
    for batch in rounds[:3]:
        first.update(prompt, [batch])
    first.save(tmp_path / "adapter", tmp_path / "optimizer")
    second = policy_of(folder, seed=99)  # Its own first values must not matter.
    second.load(tmp_path / "adapter", tmp_path / "optimizer")
    for batch in rounds[3:]:
        second.update(prompt, [batch])
    second.save(tmp_path / "again", tmp_path / "again-optimizer")

    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    mine = load_file(tmp_path / "again-optimizer" / "optimizer.safetensors")
    theirs = load_file(tmp_path / "whole-optimizer" / "optimizer.safetensors")
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_an_adapter_of_another_rank_is_refused(folder: Path, tmp_path: Path) -> None:
    policy_of(folder, rank=4).save(tmp_path / "adapter", tmp_path / "optimizer")
    with pytest.raises(ValueError, match="rank"):
        policy_of(folder, rank=8).load(tmp_path / "adapter", tmp_path / "optimizer")


def test_the_adapter_says_nothing_about_this_machine(folder: Path, tmp_path: Path) -> None:
    policy_of(folder).save(tmp_path / "adapter", tmp_path / "optimizer")
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    config = (tmp_path / "adapter" / "adapter_config.json").read_text()
    assert str(folder) not in config
    assert '"base_model_name_or_path": "embedded"' in config

"""What a local model chooses, against scoring each option by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import torch

from autoflow.llm.base import Message, PromptTooLong, Role, Sampling

PROMPTS = [f"Question {number}: which of the types?" * (1 + number % 3) for number in range(10)]


def naive(reference: Any, text: str, options: list[str]) -> int:
    """The option with the largest sum of log-probabilities, each in a pass of its own."""
    prompt = reference.tokenizer.prompt_ids([Message(Role.USER, text)])
    sums = []
    for option in options:
        ids = reference.tokenizer.ids(option)
        with torch.no_grad():
            logits = reference.model(input_ids=torch.tensor([prompt + ids])).logits[0]
        log_probs = logits[len(prompt) - 1 : -1].log_softmax(-1)
        sums.append(float(log_probs.gather(1, torch.tensor(ids)[:, None]).sum()))
    return max(range(len(options)), key=sums.__getitem__)


@pytest.mark.parametrize(
    "options",
    [
        ["A", "B", "C", "D"],
        ["white", "black", "green", "olive"],
        ["qa", "qb", "zc", "zd"],
    ],
    ids=["letters", "texts", "texts that begin alike"],
)
@pytest.mark.parametrize("settings", [{}, {"max_step_tokens": 8}], ids=["at once", "in pieces"])
async def test_choices_are_those_of_naive_scoring(
    load: Any, llama: Any, options: list[str], settings: dict[str, int]
) -> None:
    async with load(llama, **settings) as model:
        chosen = await asyncio.gather(
            *(model.choose([Message(Role.USER, text)], options) for text in PROMPTS),
        )
    picks = [index for index, _ in chosen]
    assert picks == [naive(llama, text, options) for text in PROMPTS]
    assert len(set(picks)) > 1


async def test_single_tokens_cost_one_pass(load: Any, llama: Any) -> None:
    async with load(llama) as model:
        _, usage = await model.choose([Message(Role.USER, "which?")], ["A", "B", "C"])
        counters = model.counters
    assert counters.passes == 1
    assert counters.computed_tokens == usage.prompt_tokens
    assert (usage.calls, usage.completion_tokens) == (1, 1)


async def test_longer_options_read_the_prompt_once(load: Any, llama: Any) -> None:
    options = ["Select the models", "Identify the input", "Step 1"]
    lengths = [len(llama.tokenizer.ids(option)) for option in options]
    async with load(llama) as model:
        index, usage = await model.choose([Message(Role.USER, "which of the types? " * 5)], options)
        counters = model.counters
    # The first option reads the prompt, the others only its last token, for its logits. The last token of an
    # option is looked up and not read.
    assert counters.computed_tokens == usage.prompt_tokens + sum(lengths) - 1
    assert usage.completion_tokens == lengths[index]


async def test_choices_and_completions_share_passes(load: Any, llama: Any) -> None:
    prompt = [Message(Role.USER, "Select the models.")]
    async with load(llama) as model:
        completion, (pick, _) = await asyncio.gather(
            model.complete(prompt, Sampling(max_tokens=12)),
            model.choose([Message(Role.USER, PROMPTS[0])], ["A", "B", "C"]),
        )
        passes = model.counters.passes
    assert completion.token_ids == llama.greedy(completion.prompt_token_ids, 12)
    assert pick == naive(llama, PROMPTS[0], ["A", "B", "C"])
    assert passes <= 13


@pytest.mark.parametrize("options", [["A"], ["A", ""]])
async def test_what_is_no_choice_is_refused(load: Any, llama: Any, options: list[str]) -> None:
    async with load(llama) as model:
        with pytest.raises(ValueError, match="two or more"):
            await model.choose([Message(Role.USER, "which?")], options)


async def test_options_beyond_the_context_are_refused(load: Any, llama: Any) -> None:
    async with load(llama, context=20) as model:
        with pytest.raises(PromptTooLong):
            await model.choose([Message(Role.USER, "which?")], ["A", "x" * 30])

"""What a local model draws, against transformers one sequence at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import torch

from autoflow.llm.base import Completion, FinishReason, Grammar, Message, PromptTooLong, Role, Sampling
from autoflow.llm.local import Grammars, LocalModel

RAGGED = [
    "a",
    "Select the models.",
    "Step 1:::process:::" * 6,
    "Identify " * 11,
    "x" * 40,
    "types",
    "the input",
]

GRAMMAR = r"""
root ::= step+ "done"
step ::= "Step " [0-9] ":::" word ("," word){0,2} "\n"
word ::= [a-z]{1,4}
"""


def user(text: str) -> Message:
    return Message(Role.USER, text)


async def greedily(model: LocalModel, texts: list[str], max_tokens: int = 24) -> list[Completion]:
    calls = (model.complete([user(text)], Sampling(max_tokens=max_tokens)) for text in texts)
    return list(await asyncio.gather(*calls))


@pytest.mark.parametrize("architecture", ["llama", "qwen", "mistral"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"max_step_tokens": 20}, {"max_rows": 2}],
    ids=["together", "prompts in pieces", "two at a time"],
)
async def test_ragged_concurrent_calls_draw_what_generate_draws(
    load: Any, request: pytest.FixtureRequest, architecture: str, settings: dict[str, int]
) -> None:
    reference = request.getfixturevalue(architecture)
    async with load(reference, **settings) as model:
        completions = await greedily(model, RAGGED)
    for completion in completions:
        assert completion.token_ids == reference.greedy(completion.prompt_token_ids, 24)


@pytest.mark.parametrize("architecture", ["llama", "mistral"])
async def test_a_chat_that_goes_on_computes_only_what_is_new(
    load: Any, request: pytest.FixtureRequest, architecture: str
) -> None:
    reference = request.getfixturevalue(architecture)
    chat = [user("Step 1:::process:::Identify the type of the input.")]
    computed = 0
    async with load(reference) as model:
        for _ in range(4):
            completion = await model.complete(chat, Sampling(max_tokens=10))
            assert completion.token_ids == reference.greedy(completion.prompt_token_ids, 10)
            chat += [Message(Role.ASSISTANT, "next"), user("then select models")]
            computed += completion.usage.tokens
        counters = model.counters
    # All tokens but the last of each answer are computed, and all but the reused ones of the prompts.
    assert counters.computed_tokens == computed - 4 - counters.reused_tokens
    assert counters.reused_tokens >= completion.usage.prompt_tokens


async def test_samples_of_one_prompt_read_it_once(load: Any, llama: Any) -> None:
    prompt = [user("Step 1:::process:::" * 5)]
    async with load(llama) as model:
        length = (await model.complete(prompt, Sampling(max_tokens=1))).usage.prompt_tokens
    async with load(llama) as model:
        calls = (model.complete(prompt, Sampling(1.0, 1, seed)) for seed in range(8))
        drawn = await asyncio.gather(*calls)
        counters = model.counters
    assert len({completion.token_ids for completion in drawn}) > 1
    assert counters.reused_tokens == 7 * (length - 1)
    assert counters.computed_tokens == length + 7


async def test_many_chats_in_few_slots_stay_right(load: Any, llama: Any) -> None:
    """Slots are given up and taken over all the time; nothing of another chat may show through."""

    async def chat(model: LocalModel, number: int) -> None:
        messages = [user(f"Select {number} of the models. " * (1 + number % 4))]
        for turn in range(3):
            completion = await model.complete(messages, Sampling(max_tokens=6))
            assert completion.token_ids == llama.greedy(completion.prompt_token_ids, 6)
            messages += [Message(Role.ASSISTANT, f"models {turn}"), user(f"type {number}")]

    # Room for 256 tokens x 5 slots of 2 layers x 2 tensors x 2 heads x 16 numbers x 4 bytes.
    async with load(llama, cache_mib=1, max_rows=3, context=200) as model:
        await asyncio.gather(*(chat(model, number) for number in range(12)))


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0, 2.0])
async def test_log_probs_are_those_of_a_plain_pass(load: Any, llama: Any, temperature: float) -> None:
    async with load(llama) as model:
        calls = (
            model.complete([user(text)], Sampling(temperature, 20, seed)) for seed, text in enumerate(RAGGED)
        )
        completions = await asyncio.gather(*calls)
    for completion in completions:
        expected = llama.log_probs(completion, temperature=temperature or 1.0)
        torch.testing.assert_close(torch.tensor(completion.log_probs), expected, atol=1e-4, rtol=0)


async def test_a_sample_depends_on_its_seed_and_not_on_its_company(load: Any, llama: Any) -> None:
    mine = [user("Select the models.")]
    async with load(llama) as model:
        alone = await model.complete(mine, Sampling(1.0, 30, 7))
        again, other, *_ = await asyncio.gather(
            model.complete(mine, Sampling(1.0, 30, 7)),
            model.complete(mine, Sampling(1.0, 30, 8)),
            *(model.complete([user(text)], Sampling(1.3, 30, 7)) for text in RAGGED * 3),
        )
    assert alone.token_ids == again.token_ids
    assert alone.token_ids != other.token_ids


async def test_any_integer_is_a_seed(load: Any, llama: Any) -> None:
    async with load(llama) as model:
        drawn = await asyncio.gather(
            *(model.complete([user("a")], Sampling(1.0, 20, seed)) for seed in (-1, 2**63 - 1, -(2**63), 0))
        )
    assert len({completion.token_ids for completion in drawn}) == 4


async def test_grammar_samples_follow_it_and_carry_its_log_probs(load: Any, llama: Any) -> None:
    grammar = Grammars(llama.tokenizer).compile(GRAMMAR)
    async with load(llama) as model:
        completions = await asyncio.gather(
            *(
                model.complete([user("go")], Sampling(0.8, 60, seed), constraint=Grammar(GRAMMAR, ""))
                for seed in range(6)
            ),
            *(model.complete([user(text)], Sampling(1.0, 20, 3)) for text in RAGGED),
        )
    for completion in completions[:6]:
        masks = grammar.token_masks(completion.token_ids)
        assert masks.shape == (len(completion.token_ids), llama.tokenizer.vocabulary)
        expected = llama.log_probs(completion, temperature=0.8, masks=masks)
        torch.testing.assert_close(torch.tensor(completion.log_probs), expected, atol=1e-4, rtol=0)
        matcher = grammar.matcher()
        assert matcher.accept_string(completion.text)
        assert matcher.is_completed() == (completion.finish_reason is FinishReason.STOP)
    for completion in completions[6:]:
        expected = llama.log_probs(completion)
        torch.testing.assert_close(torch.tensor(completion.log_probs), expected, atol=1e-4, rtol=0)


async def test_greedy_under_a_grammar_takes_the_likeliest_allowed(load: Any, llama: Any) -> None:
    grammar = Grammars(llama.tokenizer).compile(GRAMMAR)
    async with load(llama) as model:
        completion = await model.complete([user("go")], Sampling(0.0, 12), constraint=Grammar(GRAMMAR, ""))
    masks = grammar.token_masks(completion.token_ids)
    ids = torch.tensor([completion.prompt_token_ids + completion.token_ids])
    with torch.no_grad():
        logits = llama.model(input_ids=ids).logits[0, len(completion.prompt_token_ids) - 1 : -1]
    assert tuple(logits.masked_fill(~masks, -torch.inf).argmax(-1).tolist()) == completion.token_ids


async def test_a_text_that_is_no_grammar_is_refused(load: Any, llama: Any) -> None:
    async with load(llama) as model:
        with pytest.raises(ValueError, match="does not compile"):
            await model.complete([user("go")], Sampling(), constraint=Grammar("root ::= missing", ""))


async def test_the_end_token_ends_and_is_counted_but_not_said(load: Any, llama: Any) -> None:
    async with load(llama) as model:
        completion = await model.complete(
            [user("go")], Sampling(1.0, 20, 1), constraint=Grammar('root ::= "next"', "")
        )
    assert completion.finish_reason is FinishReason.STOP
    assert completion.text == "next"
    assert completion.token_ids[-1] in llama.tokenizer.stop_ids
    assert completion.usage.completion_tokens == len(completion.token_ids) == len(completion.log_probs)
    assert completion.usage.prompt_tokens == len(completion.prompt_token_ids)


async def test_max_tokens_and_the_context_cut_off(load: Any, llama: Any) -> None:
    endless = "root ::= [a-z]{1000}"
    async with load(llama, context=40) as model:
        short = await model.complete([user("x" * 20)], Sampling(1.0, 5), constraint=Grammar(endless, ""))
        full = await model.complete([user("x" * 20)], Sampling(1.0, 500), constraint=Grammar(endless, ""))
    assert (short.finish_reason, len(short.token_ids)) == (FinishReason.LENGTH, 5)
    assert full.finish_reason is FinishReason.LENGTH
    assert len(full.prompt_token_ids) + len(full.token_ids) == 40


async def test_a_prompt_without_room_is_refused(load: Any, llama: Any) -> None:
    async with load(llama, context=30) as model:
        with pytest.raises(PromptTooLong):
            await model.complete([user("x" * 28)], Sampling())
        last = await model.complete([user("x" * 27)], Sampling(max_tokens=9))
    assert len(last.prompt_token_ids) == 29
    assert len(last.token_ids) == 1


async def test_drawing_nothing_is_refused(load: Any, llama: Any) -> None:
    async with load(llama) as model:
        with pytest.raises(ValueError, match="max_tokens"):
            await model.complete([user("go")], Sampling(max_tokens=0))

"""What is sent, and what is made of the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from autoflow.llm import (
    Capabilities,
    FinishReason,
    Grammar,
    JsonSchema,
    Message,
    Role,
    Sampling,
    ToolCall,
    ToolSpec,
    Unsupported,
    Usage,
)
from autoflow.llm.descriptions import Prices
from autoflow.llm.openai import GrammarStyle, MaxTokensField
from autoflow.testing.endpoint_answers import chat_answer
from tests.llm.openai.bench import KEY, PROMPT, Bench

GRAMMAR = Grammar(ebnf='root ::= "a"', lark='start: "a"')
SCHEMA = JsonSchema(
    "flow", {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
)
TOOL = ToolSpec("look_up", "Looks a word up.", {"type": "object", "properties": {"word": {"type": "string"}}})


def choice(message: Mapping[str, Any], finish_reason: str = "stop", **more: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason, **more}


def answer(*choices: dict[str, Any], usage: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": list(choices), "usage": usage, **more}


async def test_a_plain_call_sends_nothing_that_needs_a_capability(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: "a fine day")
    completion = await bench.model(endpoint.base_url).complete(PROMPT, Sampling(0.5, 7, seed=3))

    assert (completion.text, completion.finish_reason) == ("a fine day", FinishReason.STOP)
    assert completion.usage == Usage(1, prompt_tokens=4, completion_tokens=3)
    assert endpoint.calls[0].headers["authorization"] == f"Bearer {KEY}"
    assert endpoint.calls[0].body == {
        "model": "scripted",
        "messages": [{"role": "user", "content": PROMPT[0].content}],
        "max_tokens": 7,
        "temperature": 0.5,
    }


async def test_without_a_key_none_is_sent_whatever_the_environment_holds(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(variable, "of-another-endpoint")
    endpoint = await bench.endpoint(lambda body: "yes")
    await bench.model(endpoint.base_url, api_key="").complete(PROMPT, Sampling())

    headers = endpoint.calls[0].headers
    assert "authorization" not in headers
    assert "of-another-endpoint" not in headers.values()


async def test_fields_of_the_entry_shape_the_body(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: "yes")
    model = bench.model(
        endpoint.base_url,
        temperature=False,
        context_tokens=100,
        max_tokens_field=MaxTokensField.MAX_COMPLETION_TOKENS,
    )
    await model.complete(PROMPT, Sampling(max_tokens=256))

    body = endpoint.calls[0].body
    assert body["max_completion_tokens"] == 100
    assert not {"temperature", "max_tokens"} & body.keys()


@pytest.mark.parametrize(
    ("capabilities", "call", "sent"),
    [
        ({"seed": True}, {}, {"seed": 5}),
        ({"stop": True}, {"sampling": Sampling(stop=("END",))}, {"stop": ["END"]}),
        ({"log_probs": True}, {"sampling": Sampling(log_probs=True)}, {"logprobs": True}),
        ({"token_ids": True}, {}, {"return_token_ids": True}),
        (
            {"json_schema": True},
            {"constraint": SCHEMA},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "flow", "strict": True, "schema": SCHEMA.schema},
                }
            },
        ),
        (
            {"grammar": True},
            {"constraint": GRAMMAR},
            {"structured_outputs": {"grammar": GRAMMAR.ebnf}},
        ),
        (
            {"tools": True},
            {"tools": [TOOL]},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "look_up",
                            "description": "Looks a word up.",
                            "parameters": TOOL.parameters,
                        },
                    }
                ]
            },
        ),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else None,
)
async def test_what_a_capability_names_is_sent(
    bench: Bench, capabilities: dict[str, bool], call: dict[str, Any], sent: dict[str, Any]
) -> None:
    endpoint = await bench.endpoint(lambda body: "yes")
    model = bench.model(
        endpoint.base_url, capabilities=Capabilities(**capabilities), grammar=GrammarStyle.VLLM
    )
    plain = {"model", "messages", "max_tokens", "temperature"}
    await model.complete(PROMPT, **{"sampling": Sampling(seed=5), **call})

    body = endpoint.calls[0].body
    assert {name: value for name, value in body.items() if name not in plain} == sent


@pytest.mark.parametrize(
    "call",
    [
        {"sampling": Sampling(stop=("END",))},
        {"sampling": Sampling(log_probs=True)},
        {"constraint": SCHEMA},
        {"constraint": GRAMMAR},
        {"tools": [TOOL]},
        {"adapter": "sha256:0"},
    ],
    ids=lambda call: next(iter(call)),
)
async def test_what_no_capability_names_is_refused_and_not_sent(bench: Bench, call: dict[str, Any]) -> None:
    endpoint = await bench.endpoint(lambda body: "yes")
    with pytest.raises(Unsupported):
        await bench.model(endpoint.base_url).complete(PROMPT, **{"sampling": Sampling(), **call})
    assert endpoint.calls == []


async def test_a_grammar_goes_to_openai_as_a_tool_whose_input_is_the_text(bench: Bench) -> None:
    called = {"id": "1", "type": "custom", "custom": {"name": "answer", "input": "a"}}
    endpoint = await bench.endpoint(
        lambda body: answer(choice({"content": None, "tool_calls": [called]}, "tool_calls"))
    )
    model = bench.model(
        endpoint.base_url, capabilities=Capabilities(grammar=True), grammar=GrammarStyle.OPENAI_TOOL
    )
    completion = await model.complete(PROMPT, Sampling(), constraint=GRAMMAR)

    assert (completion.text, completion.tool_calls) == ("a", ())
    body = endpoint.calls[0].body
    assert body["tool_choice"] == {"type": "custom", "custom": {"name": "answer"}}
    assert body["tools"][0]["custom"]["format"] == {
        "type": "grammar",
        "grammar": {"syntax": "lark", "definition": GRAMMAR.lark},
    }


async def test_tool_calls_and_their_results_travel_both_ways(bench: Bench) -> None:
    drawn = {"id": "7", "type": "function", "function": {"name": "look_up", "arguments": '{"word": "sun"'}}
    endpoint = await bench.endpoint(
        lambda body: answer(choice({"content": None, "tool_calls": [drawn]}, "tool_calls"))
    )
    model = bench.model(endpoint.base_url, capabilities=Capabilities(tools=True))
    call = ToolCall("6", "look_up", "{}")
    chat = [*PROMPT, Message(Role.ASSISTANT, "", (call,)), Message(Role.TOOL, "none", tool_call_id="6")]
    completion = await model.complete(chat, Sampling(), tools=[TOOL])

    assert completion.tool_calls == (ToolCall("7", "look_up", '{"word": "sun"'),)
    assert completion.finish_reason is FinishReason.STOP
    function = {"name": "look_up", "arguments": "{}"}
    assert endpoint.calls[0].body["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "6", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "none", "tool_call_id": "6"},
    ]


async def test_token_ids_and_log_probabilities_are_read(bench: Bench) -> None:
    told = choice(
        {"content": "so it is"},
        "length",
        token_ids=[4, 5],
        logprobs={"content": [{"token": "so", "logprob": -0.5}, {"token": "it", "logprob": -1}]},
    )
    endpoint = await bench.endpoint(lambda body: answer(told, prompt_token_ids=[1, 2, 3]))
    model = bench.model(endpoint.base_url, capabilities=Capabilities(log_probs=True, token_ids=True))
    completion = await model.complete(PROMPT, Sampling(log_probs=True))

    assert completion.finish_reason is FinishReason.LENGTH
    assert completion.prompt_token_ids == (1, 2, 3)
    assert completion.token_ids == (4, 5)
    assert completion.log_probs == (-0.5, -1.0)


@pytest.mark.parametrize(
    ("message", "finish_reason", "text"),
    [
        ({"content": "half a sen"}, "content_filter", "half a sen"),
        ({"content": None}, "content_filter", ""),
        ({"content": None, "refusal": "I will not."}, "stop", "I will not."),
    ],
)
async def test_what_a_provider_withholds_is_no_ordinary_end(
    bench: Bench, message: dict[str, Any], finish_reason: str, text: str
) -> None:
    endpoint = await bench.endpoint(lambda body: answer(choice(message, finish_reason)))
    completion = await bench.model(endpoint.base_url).complete(PROMPT, Sampling())
    assert (completion.text, completion.finish_reason) == (text, FinishReason.CONTENT_FILTER)


async def test_the_cost_of_one_call_is_spread_over_its_completions_exactly(bench: Bench) -> None:
    usage = {
        "prompt_tokens": 1001,
        "completion_tokens": 200,
        "prompt_tokens_details": {"cached_tokens": 500},
    }
    endpoint = await bench.endpoint(lambda body: chat_answer(body, "yes") | {"usage": usage})
    model = bench.model(
        endpoint.base_url, capabilities=Capabilities(max_n=3), prices=Prices(0.15, 0.075, 0.6)
    )
    drawn = await model.complete_n(PROMPT, Sampling(0.5), 3)

    assert endpoint.calls[0].body["n"] == 3
    total = sum((completion.usage for completion in drawn), Usage())
    whole = (await model.complete(PROMPT, Sampling())).usage
    assert total == whole
    assert (whole.calls, whole.prompt_tokens, whole.completion_tokens) == (1, 1001, 200)
    assert whole.cached_prompt_tokens == 500
    # 501 tokens of the prompt at 0.15 USD a million, 500 at 0.075, and 200 drawn at 0.6.
    assert whole.cost_usd == pytest.approx(0.00023265, abs=1e-12)


async def test_completions_that_an_endpoint_leaves_out_are_asked_for_again(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: chat_answer(body, "one", choices=1))
    model = bench.model(endpoint.base_url, capabilities=Capabilities(max_n=4, seed=True))
    drawn = await model.complete_n(PROMPT, Sampling(0.5, seed=10), 3)

    assert len(drawn) == 3
    assert [(call.body.get("n"), call.body["seed"]) for call in endpoint.calls] == [
        (3, 10),
        (2, 11),
        (None, 12),
    ]
    assert sum((completion.usage for completion in drawn), Usage()).calls == 3


async def test_greedy_completions_are_asked_for_one_by_one(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: "one")
    model = bench.model(endpoint.base_url, capabilities=Capabilities(max_n=4))
    assert len(await model.complete_n(PROMPT, Sampling(0.0), 2)) == 2
    assert [call.body.get("n") for call in endpoint.calls] == [None, None]


async def test_choosing_under_vllm_is_a_constraint_on_the_text(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: "no")
    model = bench.model(endpoint.base_url, capabilities=Capabilities(choice=True), grammar=GrammarStyle.VLLM)
    assert await model.choose(PROMPT, ["yes", "no"]) == (1, Usage(1, 4, 1))
    assert endpoint.calls[0].body["structured_outputs"] == {"choice": ["yes", "no"]}
    assert endpoint.calls[0].body["temperature"] == 0


async def test_choosing_elsewhere_is_a_schema(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: json.dumps({"choice": "yes"}))
    model = bench.model(endpoint.base_url, capabilities=Capabilities(choice=True, json_schema=True))
    index, _ = await model.choose(PROMPT, ["yes", "no"])

    assert index == 0
    schema = endpoint.calls[0].body["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["properties"] == {"choice": {"type": "string", "enum": ["yes", "no"]}}


async def test_a_model_that_cannot_choose_says_so(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: "yes")
    with pytest.raises(Unsupported):
        await bench.model(endpoint.base_url).choose(PROMPT, ["yes", "no"])
    assert endpoint.calls == []

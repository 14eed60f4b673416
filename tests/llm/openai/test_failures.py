"""Every call ends in a completion or in an error of its kind, in time, and tells no secret."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Mapping
from typing import Any

import pytest

from autoflow.llm import (
    Capabilities,
    LanguageModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnavailable,
    PromptTooLong,
    Sampling,
    Usage,
)
from autoflow.llm.openai import Endpoint, GrammarStyle
from autoflow.testing import Fault, FaultPlan, Refusal, ScriptedEndpoint
from autoflow.testing.endpoint import Said
from autoflow.testing.endpoint_answers import chat_answer
from tests.llm.openai.bench import KEY, PROMPT, Bench

PATIENCE = 30.0


class Sequence:
    """Says one thing after the other, and the last one for ever."""

    def __init__(self, *said: Said) -> None:
        self._said = said
        self._next = 0

    def __call__(self, body: Mapping[str, Any]) -> Said:
        self._next += 1
        return self._said[min(self._next, len(self._said)) - 1]


def message(text: str, finish_reason: object = "stop") -> dict[str, Any]:
    return {"choices": [{"message": {"content": text}, "finish_reason": finish_reason}]}


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(429, headers={"Retry-After": "0"}),
        Refusal(408),
        Refusal(409),
        Refusal(500),
        Refusal(503),
    ],
    ids=lambda refusal: str(refusal.status),
)
async def test_what_may_pass_is_tried_again(bench: Bench, refusal: Refusal) -> None:
    endpoint = await bench.endpoint(Sequence(refusal, refusal, "at last"))
    completion = await bench.model(endpoint.base_url).complete(PROMPT, Sampling())
    assert completion.text == "at last"
    assert completion.usage == Usage(1, 4, 2)
    assert len(endpoint.calls) == 3


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"choices": []},
        {"choices": "none"},
        {"choices": [{"message": {}, "finish_reason": "stop"}]},
        {"error": {"message": "with status 200"}},
        Refusal(200, headers={"Content-Encoding": "gzip"}),
        Refusal(500, headers={"Content-Encoding": "gzip"}),
        Refusal(200, headers={"Content-Type": "text/html; charset=no-such"}),
        message("no reason", None),
        message("an error in the middle", "error"),
        message("x") | {"usage": {"prompt_tokens": -5, "completion_tokens": 1}},
        message("x") | {"usage": {"prompt_tokens": "5", "completion_tokens": 1}},
    ],
)
async def test_an_answer_without_sense_is_tried_again(bench: Bench, nonsense: Said) -> None:
    endpoint = await bench.endpoint(Sequence(nonsense, "at last"))
    assert (await bench.model(endpoint.base_url).complete(PROMPT, Sampling())).text == "at last"
    assert len(endpoint.calls) == 2


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.GARBAGE, Fault.SENSELESS, Fault.SERVER_ERROR])
async def test_when_every_attempt_fails_the_model_is_unavailable(bench: Bench, fault: Fault) -> None:
    endpoint = await bench.endpoint(lambda body: "never", FaultPlan(1.0, [fault]))
    with pytest.raises(ModelUnavailable, match="failed 3 times"):
        await bench.model(endpoint.base_url, attempts=3).complete(PROMPT, Sampling())
    assert len(endpoint.calls) == 3


@pytest.mark.parametrize("fault", [Fault.SILENCE, Fault.DRIP])
async def test_an_attempt_has_its_own_time_out(bench: Bench, fault: Fault) -> None:
    endpoint = await bench.endpoint(lambda body: "never", FaultPlan(1.0, [fault]))
    with pytest.raises(ModelUnavailable, match=r"no answer within 0\.3 seconds"):
        await bench.model(endpoint.base_url, attempts=2, attempt_timeout=0.3).complete(PROMPT, Sampling())
    await endpoint.until(lambda seen: any(call.disconnected for call in seen.calls))


async def test_the_whole_call_has_one_time_out(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: "never", FaultPlan(1.0, [Fault.SILENCE]))
    with pytest.raises(ModelUnavailable, match=r"did not answer within 0\.5 seconds"):
        await bench.model(endpoint.base_url, timeout=0.5).complete(PROMPT, Sampling())
    await endpoint.until(lambda seen: any(call.disconnected for call in seen.calls))


async def test_nobody_listens(bench: Bench) -> None:
    endpoint = ScriptedEndpoint(lambda body: "never")
    await endpoint.start()
    base_url = endpoint.base_url
    await endpoint.close()
    with pytest.raises(ModelUnavailable, match="the connection failed"):
        await bench.model(base_url, attempts=2).complete(PROMPT, Sampling())


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_past_the_deadline_fails_at_once(bench: Bench, status: int) -> None:
    endpoint = await bench.endpoint(lambda body: Refusal(status, headers={"Retry-After": "3600"}))
    with pytest.raises(ModelOverloaded) as raised:
        async with asyncio.timeout(PATIENCE):
            await bench.model(endpoint.base_url, timeout=600).complete(PROMPT, Sampling())
    assert raised.value.retry_after == 3600
    assert len(endpoint.calls) == 1


async def test_an_endpoint_that_stays_overloaded_says_when_to_come_again(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: Refusal(429, headers={"Retry-After": "0.1"}))
    with pytest.raises(ModelOverloaded, match="failed 2 times") as raised:
        await bench.model(endpoint.base_url, attempts=2).complete(PROMPT, Sampling())
    assert raised.value.retry_after == 0.1


async def test_retry_after_is_waited_for(bench: Bench) -> None:
    endpoint = await bench.endpoint(Sequence(Refusal(429, headers={"Retry-After": "0.3"}), "at last"))
    start = asyncio.get_running_loop().time()
    await bench.model(endpoint.base_url).complete(PROMPT, Sampling())
    assert asyncio.get_running_loop().time() - start >= 0.3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_cannot_pass_is_not_tried_again(bench: Bench, status: int) -> None:
    endpoint = await bench.endpoint(lambda body: Refusal(status, {"message": "no", "code": "wrong_thing"}))
    with pytest.raises(ModelRejected, match=rf"status {status} \(wrong_thing\)"):
        await bench.model(endpoint.base_url).complete(PROMPT, Sampling())
    assert len(endpoint.calls) == 1


async def test_a_prompt_follows_no_redirection(bench: Bench) -> None:
    elsewhere = await bench.endpoint(lambda body: "give me more")
    location = {"Location": f"{elsewhere.base_url}/chat/completions"}
    endpoint = await bench.endpoint(lambda body: Refusal(307, headers=location))
    with pytest.raises(ModelRejected, match="status 307"):
        await bench.model(endpoint.base_url).complete(PROMPT, Sampling())
    assert elsewhere.calls == []


async def test_a_used_up_quota_is_not_tried_again(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: Refusal(429, {"code": "insufficient_quota"}))
    with pytest.raises(ModelRejected):
        await bench.model(endpoint.base_url).complete(PROMPT, Sampling())
    assert len(endpoint.calls) == 1


@pytest.mark.parametrize(
    "error",
    [
        {"code": "context_length_exceeded", "message": "too many"},
        {"code": 400, "message": "This model's maximum context length is 2048 tokens. However, you ..."},
        {"message": "the request exceeds the available context size"},
    ],
)
async def test_a_prompt_may_be_too_long(bench: Bench, error: dict[str, Any]) -> None:
    endpoint = await bench.endpoint(lambda body: Refusal(400, error))
    with pytest.raises(PromptTooLong):
        await bench.model(endpoint.base_url).complete(PROMPT, Sampling())


async def test_an_option_that_was_not_offered_is_nonsense(bench: Bench) -> None:
    endpoint = await bench.endpoint(Sequence("perhaps", "no"))
    model = bench.model(endpoint.base_url, capabilities=Capabilities(choice=True), grammar=GrammarStyle.VLLM)
    assert (await model.choose(PROMPT, ["yes", "no"]))[0] == 1
    assert len(endpoint.calls) == 2


async def test_log_probabilities_that_fit_no_tokens_are_nonsense(bench: Bench) -> None:
    said = chat_answer({"messages": [], "model": "m"}, "x")
    said["choices"][0] |= {"token_ids": [1, 2], "logprobs": {"content": [{"logprob": -1.0}]}}
    endpoint = await bench.endpoint(lambda body: said)
    model = bench.model(
        endpoint.base_url, attempts=1, capabilities=Capabilities(log_probs=True, token_ids=True)
    )
    with pytest.raises(ModelUnavailable, match="1 log-probabilities for 2 tokens"):
        await model.complete(PROMPT, Sampling(log_probs=True))


async def test_cancelling_a_call_closes_its_request(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: "never", FaultPlan(1.0, [Fault.SILENCE]))
    call = asyncio.create_task(bench.model(endpoint.base_url).complete(PROMPT, Sampling()))
    await endpoint.until(lambda seen: len(seen.calls) == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await endpoint.until(lambda seen: seen.calls[0].disconnected)


async def test_closing_the_model_ends_its_calls(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: "never", FaultPlan(1.0, [Fault.SILENCE]))
    model = bench.model(endpoint.base_url, max_concurrency=1)
    calls = [asyncio.create_task(model.complete(PROMPT, Sampling())) for _ in range(2)]
    await endpoint.until(lambda seen: len(seen.calls) == 1)
    assert model.alive
    await model.close()

    assert not model.alive
    for call in [*calls, model.complete(PROMPT, Sampling())]:
        with pytest.raises(ModelUnavailable, match="closed"):
            await call


async def test_calls_beyond_those_under_way_and_those_that_wait_are_refused(bench: Bench) -> None:
    gate = asyncio.Event()

    async def say(body: Mapping[str, Any]) -> str:
        await gate.wait()
        return "yes"

    endpoint = await bench.endpoint(say)
    model = bench.model(endpoint.base_url, max_concurrency=2, max_waiting=3)
    calls = [asyncio.create_task(model.complete(PROMPT, Sampling())) for _ in range(5)]
    await endpoint.until(lambda seen: len(seen.calls) == 2)
    with pytest.raises(ModelOverloaded):
        await model.complete(PROMPT, Sampling())
    assert len(endpoint.calls) == 2

    gate.set()
    assert {completion.text for completion in await asyncio.gather(*calls)} == {"yes"}
    assert len(endpoint.calls) == 5


@pytest.mark.parametrize(
    "said",
    [
        Refusal(401, {"message": f"{KEY} is wrong, for: {PROMPT[0].content}", "code": KEY}),
        Refusal(400, {"message": f"{PROMPT[0].content}: no", "code": PROMPT[0].content}),
        Refusal(500, {"message": f"{KEY} {PROMPT[0].content}"}),
        {"choices": [{"message": {"content": [KEY, PROMPT[0].content]}}]},
        message(KEY + PROMPT[0].content, KEY + PROMPT[0].content),
    ],
)
async def test_neither_key_nor_prompt_is_in_an_error_or_a_log(
    bench: Bench, caplog: pytest.LogCaptureFixture, said: Said
) -> None:
    caplog.set_level(logging.DEBUG, "autoflow")
    endpoint = await bench.endpoint(lambda body: said)
    model = bench.model(endpoint.base_url, attempts=2)
    with pytest.raises(LanguageModelError) as raised:
        await model.complete(PROMPT, Sampling())

    told = "".join(traceback.format_exception(raised.value)) + caplog.text + repr(model)
    context: BaseException | None = raised.value
    while context is not None:
        told += str(context)
        context = context.__context__
    assert "remote" in caplog.text
    assert KEY not in told
    assert PROMPT[0].content not in told


def test_an_endpoint_does_not_show_its_key() -> None:
    assert KEY not in repr(Endpoint("remote", "m", "http://localhost/v1", api_key=KEY))


@pytest.mark.parametrize(
    "fields",
    [
        {"base_url": "ftp://host/v1"},
        {"api_key": "secret\n"},
        {"api_key": "secret—"},
        {"base_url": "https://user:secret@host/v1"},
        {"capabilities": Capabilities(grammar=True)},
        {"capabilities": Capabilities(choice=True)},
        {"capabilities": Capabilities(choice=True), "grammar": GrammarStyle.OPENAI_TOOL},
        {"capabilities": Capabilities(adapters=True)},
        {"capabilities": Capabilities(max_n=0)},
        {"attempts": 0},
        {"timeout": 0.0},
        {"max_waiting": -1},
        {"max_answer_bytes": 0},
    ],
)
def test_an_endpoint_that_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'remote'") as raised:
        Endpoint(**{"name": "remote", "model": "m", "base_url": "http://localhost/v1", **fields})
    assert "secret" not in str(raised.value)

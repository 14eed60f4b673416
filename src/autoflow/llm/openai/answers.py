"""Reads the answers to chat requests.

An endpoint may say anything. What is not an answer to the request is a `Nonsense`, whose message holds
nothing of what the endpoint said: that may be the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from autoflow.llm.base import Completion, FinishReason, ToolCall, Usage
from autoflow.llm.descriptions import Prices
from autoflow.llm.openai.bodies import CHOICE, GRAMMAR_TOOL

_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "tool_calls": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}
_TICKS = 2**40
"""Costs are whole multiples of 1/2^40 USD, a millionth of a millionth: floats add such up without error, in
any order, up to 8,192 USD."""


class Nonsense(Exception):
    """An answer that makes no sense."""


class _Said(BaseModel):
    """Read strictly, so that no number is taken from a text; what is not known is ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class _PromptDetails(_Said):
    cached_tokens: NonNegativeInt | None = None


class _Tokens(_Said):
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt = 0
    prompt_tokens_details: _PromptDetails | None = None


class _Function(_Said):
    name: str
    arguments: str


class _Custom(_Said):
    name: str
    input: str


class _Call(_Said):
    id: str = ""
    function: _Function | None = None
    custom: _Custom | None = None


class _Message(_Said):
    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[_Call, ...] | None = None


class _LogProb(_Said):
    logprob: float


class _LogProbs(_Said):
    content: tuple[_LogProb, ...] | None = None


class _Choice(_Said):
    message: _Message
    finish_reason: str
    logprobs: _LogProbs | None = None
    token_ids: tuple[int, ...] | None = None


class Answer(_Said):
    """An answer to a chat request."""

    choices: tuple[_Choice, ...] = Field(min_length=1)
    usage: _Tokens | None = None
    """None where the endpoint does not count."""
    prompt_token_ids: tuple[int, ...] | None = None

    @classmethod
    def parse(cls, text: str) -> Answer:
        """Reads a body.

        Raises:
            Nonsense: it is no answer.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            pass
        # Outside of the `except`: the error there quotes the answer.
        raise Nonsense("its answer is not one of a chat")


def completions(
    answer: Answer, n: int, prices: Prices | None, *, under_grammar_tool: bool = False
) -> tuple[Completion, ...]:
    """The completions of an answer: 1 to `n`.

    Args:
        answer: the endpoint's.
        n: how many were asked for; any beyond are dropped.
        prices: what tokens cost; None: nothing.
        under_grammar_tool: whether the text is the input of the custom tool.

    Returns:
        The completions, over which the answer's usage is spread: the sum is exactly the answer's.

    Raises:
        Nonsense: a choice cannot be what was asked for.
    """
    choices = answer.choices[:n]
    shares = _spread(answer.usage, prices, len(choices))
    return tuple(
        _completion(choice, usage, answer.prompt_token_ids or (), under_grammar_tool)
        for choice, usage in zip(choices, shares, strict=True)
    )


def picked(completion: Completion, options: Sequence[str], *, as_json: bool) -> int:
    """The index of the option that a completion picks.

    Raises:
        Nonsense: it picks none of them.
    """
    said: object = completion.text
    if as_json:
        try:
            said = json.loads(completion.text).get(CHOICE)
        except (ValueError, AttributeError):
            said = None
    for index, option in enumerate(options):
        if said == option:
            return index
    raise Nonsense("it picks none of the options")


def in_dollars(millionths: float) -> float:
    """What tokens cost, each by its price for a million: a number that adds up without error."""
    return round(millionths / 1e6 * _TICKS) / _TICKS


def _completion(
    choice: _Choice, usage: Usage, prompt_token_ids: tuple[int, ...], under_grammar_tool: bool
) -> Completion:
    reason = _FINISH_REASONS.get(choice.finish_reason)
    if reason is None:
        raise Nonsense("it does not say why it ended")
    if not choice.message.model_fields_set:
        raise Nonsense("its message is empty")
    calls = choice.message.tool_calls or ()
    text = choice.message.content or ""
    if choice.message.refusal:
        # Whoever reads only texts must not take it for an answer.
        text, reason = choice.message.refusal, FinishReason.CONTENT_FILTER
    elif under_grammar_tool and reason is not FinishReason.CONTENT_FILTER:
        text, calls = _tool_input(calls), ()
    log_probs = choice.logprobs.content if choice.logprobs is not None else None
    token_ids = choice.token_ids or ()
    if log_probs and token_ids and len(log_probs) != len(token_ids):
        raise Nonsense(f"it has {len(log_probs)} log-probabilities for {len(token_ids)} tokens")
    return Completion(
        text=text,
        finish_reason=reason,
        usage=usage,
        prompt_token_ids=prompt_token_ids,
        token_ids=token_ids,
        log_probs=tuple(token.logprob for token in log_probs or ()),
        tool_calls=tuple(_tool_call(call) for call in calls),
    )


def _tool_input(calls: Sequence[_Call]) -> str:
    for call in calls:
        if call.custom is not None and call.custom.name == GRAMMAR_TOOL:
            return call.custom.input
    raise Nonsense("it does not call the tool that it must call")


def _tool_call(call: _Call) -> ToolCall:
    if call.function is None:
        raise Nonsense("it calls a tool that is no function")
    return ToolCall(call.id, call.function.name, call.function.arguments)


def _spread(tokens: _Tokens | None, prices: Prices | None, count: int) -> list[Usage]:
    """What one answer cost, in as many parts as it has completions."""
    details = tokens.prompt_tokens_details if tokens is not None else None
    prompt = tokens.prompt_tokens if tokens is not None else 0
    drawn = tokens.completion_tokens if tokens is not None else 0
    cached = min(prompt, (details.cached_tokens if details is not None else None) or 0)
    price = prices or Prices()
    whole_cost = (prompt - cached) * price.prompt + cached * price.cached + drawn * price.completion

    def part(whole: int, index: int) -> int:
        return whole // count + (index < whole % count)

    ticks = round(in_dollars(whole_cost) * _TICKS)
    return [
        Usage(part(1, i), part(prompt, i), part(drawn, i), part(cached, i), part(ticks, i) / _TICKS)
        for i in range(count)
    ]

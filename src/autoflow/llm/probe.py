"""Asks a model, live, for everything that it is stated to be able to do, and looks whether it did it.

Some servers answer 200 and drop what they do not know: `n`, `response_format`, a grammar. So each probe asks
for something that a model would hardly say by itself, and looks at the answer rather than at the status.

It costs about a dozen short calls. Of adapters it asks only whether the endpoint's servers would load any.
Left out: whether prices and context size are right; how good the answers are. A probe is one sample: a model
that happens to say what a constraint would make it say passes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, TypeAlias, runtime_checkable

from autoflow.llm.base import (
    Capabilities,
    Completion,
    Constraint,
    FinishReason,
    Grammar,
    JsonSchema,
    LanguageModel,
    LanguageModelError,
    Message,
    ModelRejected,
    Role,
    Sampling,
    ToolSpec,
)
from autoflow.llm.catalogue import Pretender

CHAT = "chat"
"""The probe that comes first: without it there is nothing else to ask for."""

ADAPTERS = "adapters"
"""The probe that comes last, where servers are given adapters."""

_ODD_WORDS = ("teal-71", "ochre-38")
"""What nobody answers who is not made to."""


class Verdict(StrEnum):
    """What came of asking."""

    WORKS = "works"
    IGNORED = "ignored"
    """The call was answered as if it had not been asked for."""
    REFUSED = "refused"
    """The endpoint said no."""
    FAILED = "failed"
    """The call failed otherwise, or its answer made no sense."""
    UNCLEAR = "unclear"
    """The answer lets nobody tell."""
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one capability is like."""

    capability: str
    """A field of `Capabilities`, or `chat`."""
    stated: bool
    verdict: Verdict
    detail: str = ""
    """One line for a person, where there is more to say."""

    @property
    def holds(self) -> bool:
        """False where what is stated does not work; what nobody can tell holds."""
        return not self.stated or self.verdict in (Verdict.WORKS, Verdict.UNCLEAR, Verdict.NOT_TRIED)

    @property
    def understated(self) -> bool:
        """Whether it works and is not stated."""
        return not self.stated and self.verdict is Verdict.WORKS


_Outcome: TypeAlias = tuple[Verdict, str]
_Probe: TypeAlias = Callable[[LanguageModel, Sampling], Awaitable[_Outcome]]


@runtime_checkable
class TakesAdapters(Protocol):
    """A model whose servers are given adapters."""

    async def check_adapters(self) -> int:
        """How many servers there are; raises LanguageModelError where one would load no adapters."""


class _Unclear(Exception):
    """The answer lets nobody tell."""


async def probe(
    model: LanguageModel, load_as: Pretender | None, *, max_tokens: int, seconds: float
) -> AsyncIterator[Finding]:
    """Probes one capability after the other, `chat` first; where that fails, nothing else is tried.

    Args:
        model: as it is stated.
        load_as: loads it as if it could more, to ask for what is not stated. None: that is not tried.
        max_tokens: of one answer; a model that reasons may need more than its answer does.
        seconds: the most that one probe may take.

    Yields:
        A finding for every capability; for adapters only where servers are given them.
    """
    sampling = Sampling(max_tokens=max_tokens)
    chat = Finding(CHAT, True, *await _judged(_chat, model, sampling, seconds))
    yield chat
    for capability, ask in _PROBES.items():
        stated = _states(model.capabilities, capability)
        if not chat.holds or (load_as is None and not stated):
            outcome: _Outcome = (Verdict.NOT_TRIED, "")
        elif stated or load_as is None:
            outcome = await _judged(ask, model, sampling, seconds)
        else:
            abler = await load_as(_with(model.capabilities, capability))
            try:
                outcome = await _judged(ask, abler, sampling, seconds)
            finally:
                await abler.close()
        yield Finding(capability, stated, *outcome)
    if chat.holds and isinstance(model, TakesAdapters) and model.capabilities.adapters:
        yield Finding(ADAPTERS, True, *await _judged(_adapters, model, sampling, seconds))


def _states(can: Capabilities, capability: str) -> bool:
    return can.max_n > 1 if capability == "max_n" else bool(getattr(can, capability))


def _with(can: Capabilities, capability: str) -> Capabilities:
    if capability == "max_n":
        return replace(can, max_n=2)
    if capability == "choice":
        return replace(can, choice=True, json_schema=True)
    return replace(can, **{capability: True})


async def _judged(ask: _Probe, model: LanguageModel, sampling: Sampling, seconds: float) -> _Outcome:
    try:
        async with asyncio.timeout(seconds):
            return await ask(model, sampling)
    except _Unclear as reason:
        return Verdict.UNCLEAR, str(reason)
    except ModelRejected as error:
        return Verdict.REFUSED, str(error)
    except LanguageModelError as error:
        return Verdict.FAILED, str(error)
    except TimeoutError:
        return Verdict.FAILED, f"no answer within {seconds:g} s"


def _ask(words: str) -> list[Message]:
    return [Message(Role.USER, words)]


_COUNT = _ask("Count from one to ten in words, separated by spaces. Answer with nothing else.")
_RANDOM = _ask("Make up a random word of twelve letters. Answer with nothing else.")
_COLOUR = _ask("Name a colour in one word.")
_WEATHER = _ask("What is the weather in Paris right now? Call the tool get_weather to find out.")


async def _answer(
    model: LanguageModel,
    messages: Sequence[Message],
    sampling: Sampling,
    constraint: Constraint | None = None,
) -> Completion:
    completion = await model.complete(messages, sampling, constraint=constraint)
    if not completion.text.strip() and completion.finish_reason is FinishReason.LENGTH:
        raise _Unclear(f"{sampling.max_tokens} tokens were not enough for an answer")
    return completion


def _seen(did: bool, otherwise: str) -> _Outcome:
    return (Verdict.WORKS, "") if did else (Verdict.IGNORED, otherwise)


def _quoted(completion: Completion) -> str:
    return f"it answered {completion.text[:60]!r}"


async def _chat(model: LanguageModel, sampling: Sampling) -> _Outcome:
    completion = await _answer(model, _COUNT, sampling)
    if completion.text.strip():
        return Verdict.WORKS, ""
    raise _Unclear(f"an empty answer (finish reason: {completion.finish_reason})")


async def _n(model: LanguageModel, sampling: Sampling) -> _Outcome:
    # Greedy draws are asked for one by one.
    drawn = await model.complete_n(_COLOUR, replace(sampling, temperature=1.0), 2)
    # Where fewer came than were asked for, the rest took a call of its own.
    calls = sum(completion.usage.calls for completion in drawn)
    return _seen(calls == 1, f"2 completions took {calls} calls")


async def _seed(model: LanguageModel, sampling: Sampling) -> _Outcome:
    drawn = [
        (await _answer(model, _RANDOM, replace(sampling, temperature=1.0, seed=seed))).text
        for seed in (7, 7, 8, 9)
    ]
    if drawn[0] != drawn[1]:
        return Verdict.IGNORED, "equal seeds drew different texts"
    if len(set(drawn)) == 1:
        raise _Unclear("different seeds drew equal texts too")
    return Verdict.WORKS, ""


async def _stop(model: LanguageModel, sampling: Sampling) -> _Outcome:
    # What it says without a stop text is where a stop text is sure to be met.
    words = (await _answer(model, _COUNT, sampling)).text.split()
    if not words:
        raise _Unclear("it says nothing that could be stopped")
    stop = words[len(words) // 2]
    stopped = await _answer(model, _COUNT, replace(sampling, stop=(stop,)))
    return _seen(stop not in stopped.text, _quoted(stopped))


async def _log_probs(model: LanguageModel, sampling: Sampling) -> _Outcome:
    completion = await _answer(model, _COLOUR, replace(sampling, log_probs=True))
    return _seen(bool(completion.log_probs), "none came")


async def _token_ids(model: LanguageModel, sampling: Sampling) -> _Outcome:
    completion = await _answer(model, _COLOUR, sampling)
    return _seen(bool(completion.token_ids and completion.prompt_token_ids), "none came")


async def _json_schema(model: LanguageModel, sampling: Sampling) -> _Outcome:
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": list(_ODD_WORDS)}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    completion = await _answer(model, _COLOUR, sampling, JsonSchema("colour", schema))
    if completion.finish_reason is FinishReason.LENGTH and completion.text.lstrip().startswith("{"):
        # A small model may write white space for ever, which JSON allows.
        raise _Unclear(f"{sampling.max_tokens} tokens were not enough for its JSON")
    return _seen(_is_odd_json(completion.text), _quoted(completion))


def _is_odd_json(text: str) -> bool:
    try:
        return json.loads(text) in [{"colour": word} for word in _ODD_WORDS]
    except ValueError:
        return False


async def _tools(model: LanguageModel, sampling: Sampling) -> _Outcome:
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = ToolSpec("get_weather", "Tells the weather in a city right now.", city)
    completion = await model.complete(_WEATHER, sampling, tools=[tool])
    called = any(call.name == tool.name for call in completion.tool_calls)
    return _seen(called, f"it called no tool; {_quoted(completion)}")


async def _grammar(model: LanguageModel, sampling: Sampling) -> _Outcome:
    either = " | ".join(f'"{word}"' for word in _ODD_WORDS)
    grammar = Grammar(ebnf=f"root ::= {either}", lark=f"start: {either}")
    completion = await _answer(model, _COLOUR, sampling, grammar)
    return _seen(completion.text in _ODD_WORDS, _quoted(completion))


async def _choice(model: LanguageModel, sampling: Sampling) -> _Outcome:
    # An answer that is none of the options is an error of the model's.
    await model.choose(_COLOUR, _ODD_WORDS)
    return Verdict.WORKS, ""


async def _adapters(model: LanguageModel, sampling: Sampling) -> _Outcome:
    assert isinstance(model, TakesAdapters), "others are not asked"
    servers = await model.check_adapters()
    return Verdict.WORKS, f"{servers} server{'s' * (servers != 1)} would load them"


_PROBES: Mapping[str, _Probe] = MappingProxyType(
    {
        "max_n": _n,
        "seed": _seed,
        "stop": _stop,
        "log_probs": _log_probs,
        "token_ids": _token_ids,
        "json_schema": _json_schema,
        "tools": _tools,
        "grammar": _grammar,
        "choice": _choice,
    }
)

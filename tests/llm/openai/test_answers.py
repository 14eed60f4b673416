"""Whatever an endpoint says is an answer or nonsense; what it cost is spread without a remainder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.llm import Completion, Usage
from autoflow.llm.descriptions import Prices
from autoflow.llm.openai.answers import Answer, Nonsense, completions, picked
from autoflow.testing.endpoint_answers import chat_answer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TOKENS = st.integers(0, 10**6)


def whole() -> dict[str, Any]:
    answer = chat_answer({"messages": [], "model": "m"}, "word")
    answer["choices"][0] |= {"logprobs": {"content": [{"logprob": -1.0}]}, "token_ids": [1]}
    answer["choices"][0]["message"] |= {
        "refusal": None,
        "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}],
    }
    answer["usage"]["prompt_tokens_details"] = {"cached_tokens": 0}
    return answer


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Of everything in a JSON value that could be something else."""
    inner: Mapping[Any, object] = {}
    if isinstance(value, dict):
        inner = value
    elif isinstance(value, list):
        inner = dict(enumerate(value))
    return [path, *(place for key, item in inner.items() for place in places(item, (*path, key)))]


def replaced(value: Any, path: tuple[str | int, ...], by: object) -> Any:
    if not path:
        return by
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], by)
    return copy


def read(text: str) -> tuple[Completion, ...] | None:
    try:
        return completions(Answer.parse(text), 1, Prices(1.0, 1.0, 1.0))
    except Nonsense:
        return None


def test_the_answer_that_is_broken_below_is_whole() -> None:
    assert read(json.dumps(whole())) is not None


@given(st.sampled_from(places(whole())), JSON)
def test_an_answer_with_anything_in_any_place_is_read_or_nonsense(
    path: tuple[str | int, ...], by: object
) -> None:
    drawn = read(json.dumps(replaced(whole(), path, by)))
    assert drawn is None or len(drawn) == 1


@given(st.text() | st.integers(0, len(json.dumps(whole())) - 1).map(lambda end: json.dumps(whole())[:end]))
def test_a_text_that_is_no_whole_answer_is_nonsense(text: str) -> None:
    assert read(text) is None


@given(
    st.tuples(TOKENS, TOKENS, TOKENS),
    st.tuples(*[st.floats(0, 1000)] * 3),
    st.integers(1, 8),
    st.randoms(use_true_random=False),
)
def test_parts_add_up_exactly_in_any_order(
    tokens: tuple[int, int, int], prices: tuple[float, float, float], count: int, rng: Any
) -> None:
    prompt, drawn, cached = tokens
    said = chat_answer({"messages": [], "model": "m", "n": count}, "word")
    said["usage"] = {
        "prompt_tokens": prompt,
        "completion_tokens": drawn,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    answer = Answer.parse(json.dumps(said))
    parts = [completion.usage for completion in completions(answer, count, Prices(*prices))]
    (one,) = completions(answer, 1, Prices(*prices))
    rng.shuffle(parts)

    assert len(parts) == count
    assert sum(parts, Usage()) == one.usage
    expected = (
        (prompt - min(prompt, cached)) * prices[0] + min(prompt, cached) * prices[1] + drawn * prices[2]
    ) / 1e6
    assert one.usage.cost_usd == pytest.approx(expected, abs=1e-12)


@given(st.text() | JSON.map(json.dumps))
def test_what_picks_no_option_is_nonsense(text: str) -> None:
    (completion,) = completions(
        Answer.parse(json.dumps(chat_answer({"messages": [], "model": "m"}, text))), 1, None
    )
    for as_json in (True, False):
        with pytest.raises(Nonsense):
            picked(completion, ["one of the two", "the other of the two"], as_json=as_json)

"""`--budget` and the names of models, as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.cli.budget import read_budget
from autoflow.cli.exits import CommandFailed
from autoflow.cli.model_names import model_ref, model_refs, model_word

DIGEST = f"sha256:{'ab' * 32}"


def test_every_part_of_a_budget_can_be_given() -> None:
    budget = read_budget(["executions=500,calls=20k", "tokens=1m, usd=2.50", "time=90s"])
    assert budget is not None
    assert (budget.max_executions, budget.max_llm_calls, budget.max_tokens) == (500, 20_000, 1_000_000)
    assert (budget.max_cost_usd, budget.max_wall_time.seconds) == (2.5, 90)


def test_no_budget_is_no_limit() -> None:
    assert read_budget([]) is None


@given(st.integers(1, 10**6), st.sampled_from([("s", 1), ("m", 60), ("h", 3600)]))
def test_times_are_seconds(number: int, unit: tuple[str, int]) -> None:
    budget = read_budget([f"time={number}{unit[0]}"])
    assert budget is not None
    assert budget.max_wall_time.seconds == number * unit[1]


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("tokens", "it reads NAME=VALUE"),
        ("", "it reads NAME=VALUE"),
        ("tokens=", "it reads NAME=VALUE"),
        ("calories=5", "a budget has `executions`, `calls`, `tokens`, `usd`, `time`"),
        ("tokens=0", "a number above 0"),
        ("tokens=-5", "a number above 0"),
        ("tokens=1g", "a number above 0"),
        ("executions=1.5", "a number above 0"),
        ("usd=free", "US dollars above 0"),
        ("usd=0", "US dollars above 0"),
        ("usd=nan", "US dollars above 0"),
        ("time=5", "a time above 0"),
        ("tokens=5,tokens=6", "it is given twice"),
    ],
)
def test_what_is_no_budget_is_told(given_: str, said: str) -> None:
    with pytest.raises(CommandFailed, match=re.escape(said)) as caught:
        read_budget([given_])
    assert caught.value.code == 2


def test_a_model_may_have_an_adapter() -> None:
    model = model_ref(f"embedded@{DIGEST}")
    assert (model.model, model.adapter) == ("embedded", DIGEST)
    assert model_word(model) == "embedded@abababab"
    assert model_word(model_ref("org/model-1.5")) == "org/model-1.5"


def test_several_models_may_be_named_in_one_go_or_in_many() -> None:
    names = [model.model for model in model_refs("--generators", ["a, b", "c"])]
    assert names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("given_", "said"),
    [(["a,a"], "is given twice"), ([","], "no model is given"), (["a@b"], "is no name of a model")],
)
def test_what_names_no_models_is_told(given_: list[str], said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        model_refs("--generators", given_)

"""Answers: what is written is read, and what is wrong is told by its field."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.errors import InvalidArgument
from autoflow.suites.travel import (
    Day,
    Journey,
    Mode,
    Place,
    Plan,
    Transportation,
    answer_schema,
    read_answer,
    write_answer,
)
from autoflow.suites.travel.answers import MAX_ANSWER, MAX_DAYS

_NAMES = st.text("abcdefghijklmnopqrstuvwxyzÄé'", min_size=1, max_size=8).map(str.title)
_PLACES = st.builds(Place, _NAMES, _NAMES)
_JOURNEYS = st.builds(Journey, _NAMES, _NAMES)
_TRANSPORTATION = st.one_of(
    st.builds(Transportation, st.just(Mode.FLIGHT), _JOURNEYS, st.from_regex(r"F[0-9]{1,4}", fullmatch=True)),
    st.builds(Transportation, st.sampled_from([Mode.SELF_DRIVING, Mode.TAXI]), _JOURNEYS),
)
_DAYS = st.builds(
    Day,
    day=st.integers(1, MAX_DAYS),
    current_city=_NAMES | _JOURNEYS,
    transportation=st.none() | _TRANSPORTATION,
    breakfast=st.none() | _PLACES,
    attraction=st.lists(_PLACES, max_size=3).map(tuple),
    lunch=st.none() | _PLACES,
    dinner=st.none() | _PLACES,
    accommodation=st.none() | _PLACES,
)
_PLANS = st.lists(_DAYS, min_size=1, max_size=7).map(tuple)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)

_DAY = {
    "day": 1,
    "current_city": "from Ada to Bex",
    "transportation": "Taxi from Ada to Bex",
    "breakfast": "-",
    "attraction": "Oak Hall, Bex; Old Park, Bex",
    "lunch": "-",
    "dinner": "The Spoon, Bex",
    "accommodation": "Loft, Bex",
}


def answer(**changes: Any) -> str:
    return json.dumps({"days": [_DAY, _DAY | changes]})


def outcome(text: str) -> Plan | InvalidArgument:
    try:
        return read_answer(text)
    except InvalidArgument as error:
        return error


def refusal(text: str) -> InvalidArgument:
    with pytest.raises(InvalidArgument) as refused:
        read_answer(text)
    return refused.value


@given(_PLANS)
def test_a_plan_that_is_written_is_read_and_fits_the_schema(plan: Plan) -> None:
    text = write_answer(plan)
    assert read_answer(text) == plan
    assert read_answer(f"Here is the plan:\n```json\n{text}\n```\nHave a good trip!") == plan
    jsonschema.Draft202012Validator(answer_schema()).validate(json.loads(text))


@given(st.text() | _JSON.map(json.dumps))
def test_any_other_text_is_refused_in_words(text: str) -> None:
    assert refusal(text).message


@given(field=st.sampled_from(sorted(_DAY)), value=_JSON)
def test_a_wrong_value_is_told_by_its_field(field: str, value: object) -> None:
    read = outcome(answer(**{field: value}))
    if isinstance(read, InvalidArgument):
        assert read.field == f"days[1].{field}"
        assert read.field in read.message
    else:
        assert read_answer(write_answer(read)) == read


def test_the_schema_is_valid_and_strict() -> None:
    schema = answer_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(json.loads(answer()))
    assert not validator.is_valid(json.loads(answer(more="x")))
    assert not validator.is_valid({"days": [{**_DAY, "day": "1"}]})


@pytest.mark.parametrize("field", sorted(_DAY))
def test_a_missing_field_is_named(field: str) -> None:
    day = {name: value for name, value in _DAY.items() if name != field}
    assert refusal(json.dumps({"days": [_DAY, day]})).message == f"days[1].{field} is missing"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("day", 0, "must be a number from 1"),
        ("day", True, "must be a number from 1"),
        ("day", 1.0, "must be a number from 1"),
        ("current_city", "-", "must be the name of a city"),
        ("current_city", "Ada, Bex", "must be the name of a city"),
        ("current_city", "from Ada", "must say one journey"),
        ("current_city", "from Ada to Bex to Cob", "must say one journey"),
        ("transportation", "Train from Ada to Bex", "must be 'Flight NUMBER from A to B'"),
        ("transportation", "Flight from Ada to Bex", "must be 'Flight NUMBER from A to B'"),
        ("transportation", "Taxi", "must be 'Flight NUMBER from A to B'"),
        ("transportation", "Taxi from Ada to", "must say one journey"),
        ("dinner", "The Spoon", "must be 'NAME, CITY'"),
        ("dinner", "The Spoon, Bex; The Fork, Bex", "must be 'NAME, CITY'"),
        ("dinner", "", "must be a line of 1 to 500 characters"),
        ("dinner", "The\nSpoon, Bex", "must be a line"),
        ("dinner", "The Spoon\ud800, Bex", "must be a line"),
        ("dinner", None, "must be a line"),
        ("attraction", "Oak Hall, Bex;", "must be 'NAME, CITY'"),
        ("accommodation", ", Bex", "must be 'NAME, CITY'"),
    ],
)
def test_a_wrong_value_is_told_what_it_should_be(field: str, value: object, words: str) -> None:
    error = refusal(answer(**{field: value}))
    assert error.field == f"days[1].{field}"
    assert words in error.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1"),
        ("I could not find a plan.", "line 1"),
        (answer() + " Have a good trip!", "Extra data"),
        ("[]", "the one field 'days'"),
        ('{"days": [], "cost": 3}', "the one field 'days'"),
        ('{"days": []}', "a list of 1 to 14"),
        ('{"days": [3]}', "days[0] must be an object"),
        ('{"days": [], "days": []}', "'days' occurs twice"),
        (answer(more="x"), "days[1] has no field 'more'"),
        (f"```\n{answer()}\n```\n```\n{answer()}\n```", "at most one code fence"),
        (f"```json\n{answer()}", "at most one code fence"),
        (f"```json\n{answer()}\n```\n```", "at most one code fence"),
        ("[" * 20_000, "not readable"),
        (" " * (MAX_ANSWER + 1), "50,000 characters"),
    ],
)
def test_what_is_no_answer_is_told_why(text: str, words: str) -> None:
    assert words in refusal(text).message

"""What arguments a schema lets through, and the words for those that it does not."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.tools.arguments import Arguments, InvalidArguments

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
        "kind": {"enum": ["bus", "train"]},
        "stops": {"type": "array", "items": {"type": "object", "required": ["name"]}},
    },
    "required": ["city"],
    "additionalProperties": False,
}
arguments = Arguments(json.dumps(SCHEMA))

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    # What is no character of its own cannot be in JSON that is sent.
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "x"]), inner),
    max_leaves=5,
)
objects = st.dictionaries(st.sampled_from(["city", "days", "kind", "stops", "else"]), values)
sound = st.fixed_dictionaries(
    {"city": st.text(min_size=1, max_size=5)},
    optional={"days": st.integers(1, 7), "kind": st.sampled_from(["bus", "train"])},
)


@given(objects | sound)
def test_they_are_judged_as_the_schema_says(given_: dict[str, object]) -> None:
    text = json.dumps(given_)
    if jsonschema.Draft202012Validator(SCHEMA).is_valid(json.loads(text)):
        assert arguments.read(text) == json.loads(text)
    else:
        with pytest.raises(InvalidArguments, match=r"^the arguments are wrong: "):
            arguments.read(text)


@given(st.text() | values.map(json.dumps))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        found: object = arguments.read(text)
    except InvalidArguments as refused:
        found = str(refused)
    assert isinstance(found, dict) or found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the arguments are not JSON: Expecting value (line 1, column 1); allowed is one object"),
        ("Rome, 3", "are not JSON"),
        ('["Rome", 3]', 'the arguments are ["Rome", 3]; allowed is one JSON object'),
        ("null", "the arguments are null;"),
        ('{"city": "Rome", "city": "Oslo"}', "a name is there twice"),
        ('{"city": NaN}', "NaN is no number"),
        ('{"city": 1e999}', "1e999 is no number"),
        ('{"city": "\\ud800"}', "half of a character"),
        ("{}", "the whole: 'city' is a required property"),
        ('{"city": 3}', 'city: 3 does not fit; allowed is: type "string"'),
        ('{"city": ""}', 'city: "" does not fit; allowed is: minLength 1'),
        ('{"city": "Rome", "days": 9}', "days: 9 does not fit; allowed is: maximum 7"),
        ('{"city": "Rome", "days": "3"}', 'days: "3" does not fit; allowed is: type "integer"'),
        ('{"city": "Rome", "kind": "car"}', "kind: 'car' is not one of ['bus', 'train']"),
        ('{"city": "Rome", "stops": [{}, 3]}', "stops[0]: 'name' is a required property; stops[1]: 3 does"),
        ('{"city": "Rome", "town": 1}', "'town' was unexpected); allowed are: city, days, kind, stops"),
        ('{"city": 1, "days": 9, "kind": 2, "stops": 3}', "; and 1 more"),
        ('{"city": "' + "x" * 100_001 + '"}', "are allowed"),
        ('{"city": ' + "[" * 100_000 + "]" * 100_000, "are allowed"),
        ('{"city": ' + "[" * 40_000 + "]" * 40_000 + "}", "nested too deeply"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_what_is_allowed(text: str, words: str) -> None:
    with pytest.raises(InvalidArguments) as refused:
        arguments.read(text)
    assert words in str(refused.value)
    assert len(str(refused.value)) < 1500


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("", "not JSON"),
        ("[]", "not of type object"),
        ('{"type": "string"}', "not of type object"),
        ('{"type": "object", "properties": {"a": {"type": "nothing"}}}', "properties.a.type"),
        ('{"type": "object", "required": "a"}', "required"),
        ('{"type": "object", "description": "' + "x" * 20_000 + '"}', "20000 are allowed"),
    ],
)
def test_a_schema_that_is_none_is_refused(schema: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Arguments(schema)


@pytest.mark.parametrize("reference", ["http://127.0.0.1:1/a.json", "file:///etc/passwd", "#/$defs/away"])
def test_nothing_is_fetched_for_a_schema(reference: str) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": reference}}}
    with pytest.raises(InvalidArguments, match="refers to what is not in it"):
        Arguments(json.dumps(schema)).read('{"a": 1}')


def test_references_within_a_schema_and_older_drafts_are_followed() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "definitions": {"n": {"type": "integer"}},
        "properties": {"a": {"$ref": "#/definitions/n"}},
    }
    judge = Arguments(json.dumps(schema))
    assert judge.read('{"a": 1}') == {"a": 1}
    with pytest.raises(InvalidArguments, match="a: "):
        judge.read('{"a": "1"}')


def test_a_schema_that_goes_round_ends() -> None:
    schema = {
        "type": "object",
        "$defs": {"n": {"$ref": "#/$defs/n"}},
        "properties": {"a": {"$ref": "#/$defs/n"}},
    }
    with pytest.raises(InvalidArguments, match="nested too deeply"):
        Arguments(json.dumps(schema)).read('{"a": 1}')

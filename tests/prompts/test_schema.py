"""The schema of a reply: OpenAI's strict mode takes it, and a grammar made of it keeps the fields' order.

The rules and limits of strict mode are those of OpenAI's guide to structured outputs.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest

from autoflow import prompts
from autoflow.suites import Tool
from tests.prompts.samples import LABELS, STEP_TOOLS, step_tool

xgrammar: Any = pytest.importorskip("xgrammar")

_MANY = tuple(step_tool(f"{number:080}") for number in range(128))
_CASES = tuple(
    itertools.product(((), STEP_TOOLS, _MANY), (["next"], LABELS, [str(n) * 40 for n in range(26)]))
)

_STRICT = {
    "$ref": "#/$defs/object",
    "$defs": {
        "object": {
            "type": "object",
            "properties": {
                "type": {"const": "object"},
                "properties": {"type": "object", "additionalProperties": {"$ref": "#/$defs/text"}},
                "required": {"type": "array", "uniqueItems": True},
                "additionalProperties": {"const": False},
            },
            "required": ["type", "properties", "required", "additionalProperties"],
            "additionalProperties": False,
        },
        "text": {
            "type": "object",
            "properties": {
                "type": {"const": "string"},
                "enum": {"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True},
            },
            "required": ["type"],
            "additionalProperties": False,
        },
    },
}
_MOST_OPTIONS = 1000
_MOST_OPTIONS_OF_ANY_LENGTH, _MOST_CHARACTERS = 250, 15_000
_MOST_CHARACTERS_IN_ALL = 120_000


@pytest.mark.parametrize(("tools", "labels"), _CASES)
def test_strict_mode_takes_the_schema(tools: Sequence[Tool], labels: Sequence[str]) -> None:
    constraint = prompts.step_schema(tools, labels)
    schema = constraint.schema
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(schema, _STRICT)
    assert schema["required"] == list(schema["properties"])
    options = [field["enum"] for field in schema["properties"].values() if "enum" in field]
    assert sum(map(len, options)) <= _MOST_OPTIONS
    for each in options:
        assert len(each) <= _MOST_OPTIONS_OF_ANY_LENGTH or len("".join(each)) <= _MOST_CHARACTERS
    assert len("".join([*schema["properties"], *itertools.chain(*options)])) <= _MOST_CHARACTERS_IN_ALL
    assert constraint.name.isidentifier()


@pytest.mark.parametrize(("tools", "labels"), _CASES)
def test_fields_are_those_that_the_step_has_a_use_for(tools: Sequence[Tool], labels: Sequence[str]) -> None:
    wanted = ["answer", *(["tool", "arguments"] if tools else []), *(["branch"] if len(labels) > 1 else [])]
    assert list(prompts.step_schema(tools, labels).schema["properties"]) == wanted
    turn = prompts.fused_turn("", "", labels, bool(tools))
    assert f"(Fields of the reply: {', '.join(wanted)}." in turn


@pytest.mark.parametrize(("tools", "labels"), _CASES)
def test_a_grammar_of_the_schema_takes_replies_in_the_order_of_the_fields(
    tools: Sequence[Tool], labels: Sequence[str]
) -> None:
    reply = {
        "answer": 'He said "no"\n{}',
        "tool": "none",
        "arguments": '{"city": "Köln"}',
        "branch": labels[-1],
    }
    schema = prompts.step_schema(tools, labels).schema
    wanted = {name: reply[name] for name in schema["properties"]}
    prompts.read_step(json.dumps(wanted), tools, labels)
    grammar = _grammar(schema)
    assert _accepts(grammar, json.dumps(wanted, ensure_ascii=False))
    assert not _accepts(grammar, json.dumps({**wanted, "reason": ""}))
    for order in itertools.permutations(wanted):
        turned = {name: wanted[name] for name in order}
        assert _accepts(grammar, json.dumps(turned)) == (list(order) == list(wanted))
    for name in wanted:
        assert not _accepts(grammar, json.dumps({key: value for key, value in wanted.items() if key != name}))


def test_a_grammar_of_the_schema_takes_no_other_tool_or_label() -> None:
    grammar = _grammar(prompts.step_schema(STEP_TOOLS, LABELS).schema)
    reply = {"answer": "", "tool": "hotels", "arguments": "{}", "branch": "Yes"}
    assert _accepts(grammar, json.dumps(reply))
    changes: tuple[dict[str, object], ...] = ({"tool": "hotel"}, {"branch": "Maybe"}, {"arguments": {}})
    for change in changes:
        assert not _accepts(grammar, json.dumps(reply | change))


def _grammar(schema: Any) -> Any:
    # Texts are matched as bytes; of the vocabulary only the end is needed.
    info = xgrammar.TokenizerInfo([*(bytes([byte]) for byte in range(256)), b""], stop_token_ids=[256])
    return xgrammar.GrammarCompiler(info, max_threads=1).compile_json_schema(schema)


def _accepts(grammar: Any, text: str) -> bool:
    matcher = xgrammar.GrammarMatcher(grammar, terminate_without_stop_token=True)
    return bool(matcher.accept_string(text.encode())) and bool(matcher.is_terminated())

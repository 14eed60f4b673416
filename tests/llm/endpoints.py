"""One endpoint that can everything, and one that answers 200 and drops what it does not know."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from autoflow.llm.catalogue import default_catalogue
from autoflow.llm.probe import Finding, probe
from autoflow.testing.endpoint_answers import chat_answer

COUNTED = "one two three four five six seven eight nine ten"
EVERYTHING = {
    "grammar": "vllm",
    "choice": True,
    "json_schema": True,
    "tools": True,
    "seed": True,
    "stop": True,
    "log_probs": True,
    "token_ids": True,
    "max_n": 4,
}


def deaf(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Counts, whatever it was asked for, once."""
    return chat_answer(body, COUNTED, choices=1)


def able(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Does what the request says."""
    text = _text(body)
    for stop in body.get("stop", ()):
        text = text.partition(stop)[0]
    answer = chat_answer(body, text)
    words = text.split()
    for choice in answer["choices"]:
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": word, "logprob": -0.5} for word in words]}
        if body.get("return_token_ids"):
            choice["token_ids"] = list(range(len(words)))
        if "tools" in body:
            function = {"name": body["tools"][0]["function"]["name"], "arguments": '{"city": "Paris"}'}
            choice["message"]["tool_calls"] = [{"id": "1", "type": "function", "function": function}]
    if body.get("return_token_ids"):
        answer["prompt_token_ids"] = [1, 2, 3]
    return answer


def _text(body: Mapping[str, Any]) -> str:
    structured = body.get("structured_outputs", {})
    if "grammar" in structured:
        # Its first literal.
        return str(structured["grammar"].split('"')[1])
    if "choice" in structured:
        return str(structured["choice"][0])
    if "response_format" in body:
        properties = body["response_format"]["json_schema"]["schema"]["properties"]
        return json.dumps({name: schema["enum"][0] for name, schema in properties.items()})
    if "random" in body["messages"][-1]["content"]:
        return f"word-{body.get('seed')}"
    return COUNTED


def write_catalogue(path: Path, base_url: str, names: Iterable[str] = ("mine",), **fields: object) -> Path:
    """Writes a catalogue's file whose models are at one endpoint.

    Args:
        path: the file.
        base_url: the endpoint's.
        names: of the models.
        **fields: of each model.
    """
    limits = {"attempts": 1, "timeout": 20}
    model = {"provider": "openai", "model": "m", "endpoint": base_url, "limits": limits, **fields}
    path.write_text(yaml.safe_dump({"models": dict.fromkeys(names, model)}))
    return path


async def found(env: Mapping[str, str], name: str) -> dict[str, Finding]:
    """What a probe of a model finds, by capability.

    Args:
        env: names the catalogue's file.
        name: the model's.
    """
    catalogue = default_catalogue(env)
    try:
        model = await catalogue.get(name)
        probing = probe(model, catalogue.pretender(name), max_tokens=64, seconds=20)
        return {finding.capability: finding async for finding in probing}
    finally:
        await catalogue.close()

"""Bodies of chat requests. What the capabilities do not name is not in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from autoflow.llm.base import Constraint, Grammar, JsonSchema, Message, Sampling, ToolSpec
from autoflow.llm.openai.endpoint import Endpoint, GrammarStyle, MaxTokensField

Body: TypeAlias = dict[str, Any]

GRAMMAR_TOOL = "answer"
"""The custom tool through which OpenAI's models are told a grammar."""
CHOICE = "choice"
"""The property that holds the picked option where options are a JSON schema's."""

_REASONING_TOKENS = 4096
"""Room to think before a choice, where the limit counts that too."""


def chat_body(
    endpoint: Endpoint,
    messages: Sequence[Message],
    sampling: Sampling,
    *,
    constraint: Constraint | None = None,
    tools: Sequence[ToolSpec] = (),
    n: int = 1,
) -> Body:
    """The body of a request for completions.

    Args:
        endpoint: who is asked; its capabilities hold all that the call needs.
        messages: and the others: as in `LanguageModel`.
        sampling: see `messages`.
        constraint: see `messages`.
        tools: see `messages`.
        n: see `messages`.
    """
    can = endpoint.capabilities
    body: Body = {
        "model": endpoint.model,
        "messages": [_message(message) for message in messages],
        endpoint.max_tokens_field.value: min(
            sampling.max_tokens, endpoint.context_tokens or sampling.max_tokens
        ),
    }
    if endpoint.temperature:
        body["temperature"] = sampling.temperature
    if n > 1:
        body["n"] = n
    if can.seed:
        body["seed"] = sampling.seed
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.log_probs:
        body["logprobs"] = True
    if can.token_ids:
        body["return_token_ids"] = True
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
    if constraint is not None:
        body |= _constraint(endpoint, constraint)
    return body


def choice_body(endpoint: Endpoint, messages: Sequence[Message], options: Sequence[str]) -> Body:
    """The body of a request to pick one of the options; `answers.picked` reads the answer."""
    longest = max(len(json.dumps(option)) for option in options)
    # No token is shorter than a byte; a JSON answer has a frame, and may have white space.
    room = 2 * longest + 64
    if endpoint.max_tokens_field is MaxTokensField.MAX_COMPLETION_TOKENS:
        room += _REASONING_TOKENS
    sampling = Sampling(max_tokens=room)
    if endpoint.grammar is GrammarStyle.VLLM:
        return chat_body(endpoint, messages, sampling) | {"structured_outputs": {"choice": list(options)}}
    schema = {
        "type": "object",
        "properties": {CHOICE: {"type": "string", "enum": list(options)}},
        "required": [CHOICE],
        "additionalProperties": False,
    }
    return chat_body(endpoint, messages, sampling, constraint=JsonSchema(CHOICE, schema))


def _constraint(endpoint: Endpoint, constraint: Constraint) -> Body:
    if isinstance(constraint, JsonSchema):
        schema = {"name": constraint.name, "strict": True, "schema": dict(constraint.schema)}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    if endpoint.grammar is GrammarStyle.VLLM:
        return {"structured_outputs": {"grammar": constraint.ebnf}}
    return _grammar_tool(constraint)


def _grammar_tool(grammar: Grammar) -> Body:
    name = {"name": GRAMMAR_TOOL}
    custom = {
        **name,
        "description": "Takes the whole answer.",
        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": grammar.lark}},
    }
    return {
        "tools": [{"type": "custom", "custom": custom}],
        "tool_choice": {"type": "custom", "custom": name},
    }


def _message(message: Message) -> Body:
    written: Body = {"role": message.role.value, "content": message.content}
    if message.tool_calls:
        written["content"] = message.content or None
        written["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        written["tool_call_id"] = message.tool_call_id
    return written


def _tool(tool: ToolSpec) -> Body:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}

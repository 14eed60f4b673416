"""Refuses what a model cannot do, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autoflow.llm.base import (
    Capabilities,
    Constraint,
    Grammar,
    JsonSchema,
    Message,
    Role,
    Sampling,
    ToolSpec,
    Unsupported,
)


def demand(
    name: str,
    capabilities: Capabilities,
    messages: Sequence[Message],
    sampling: Sampling,
    *,
    constraint: Constraint | None = None,
    tools: Sequence[ToolSpec] = (),
    adapter: str | None = None,
    n: int = 1,
) -> None:
    """Passes where a call needs nothing that the model lacks.

    A seed alone demands nothing: where the model has none, samples merely differ from call to call.

    Args:
        name: the model's, for the error.
        capabilities: what it can.
        messages: and all the others: the arguments of the call.
        sampling: see `messages`.
        constraint: see `messages`.
        tools: see `messages`.
        adapter: see `messages`.
        n: see `messages`.

    Raises:
        Unsupported: names what is lacking.
    """
    for lacking in _lacking(capabilities, messages, sampling, constraint, tools, adapter, n):
        raise Unsupported(f"the model {name!r} {lacking}")


def _lacking(
    can: Capabilities,
    messages: Sequence[Message],
    sampling: Sampling,
    constraint: Constraint | None,
    tools: Sequence[ToolSpec],
    adapter: str | None,
    n: int,
) -> Iterator[str]:
    if isinstance(constraint, Grammar) and not can.grammar:
        yield "takes no grammar"
    if isinstance(constraint, JsonSchema) and not can.json_schema:
        yield "takes no JSON schema"
    calls_tools = tools or any(message.tool_calls or message.role is Role.TOOL for message in messages)
    if calls_tools and not can.tools:
        yield "calls no tools"
    if tools and constraint is not None:
        yield "cannot call tools under a constraint"
    if sampling.stop and not can.stop:
        yield "takes no stop texts"
    if sampling.log_probs and not can.log_probs:
        yield "tells no log-probabilities"
    if adapter is not None and not can.adapters:
        yield "takes no adapters"
    if n > can.max_n:
        yield f"draws at most {can.max_n} completions a call, not {n}"

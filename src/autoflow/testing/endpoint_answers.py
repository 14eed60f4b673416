"""The answers of a well-behaved OpenAI-compatible endpoint. A token is a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

EmbeddingScript: TypeAlias = Callable[[str], Sequence[float]]
"""The vector of a text."""


def chat_answer(
    body: Mapping[str, Any], text: str, index: int = 0, *, choices: int | None = None
) -> dict[str, Any]:
    """The answer of a well-behaved endpoint.

    Args:
        body: the request's.
        text: of every completion.
        index: what the answer's id ends in.
        choices: how many completions; by default as many as the request's `n` says.
    """
    count = choices if choices is not None else body.get("n", 1)
    prompt = sum(len((message.get("content") or "").split()) for message in body["messages"])
    completion = count * len(text.split())
    return {
        "id": f"chatcmpl-{index}",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [
            {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            for i in range(count)
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        },
    }


def embeddings_answer(body: Mapping[str, Any], embed: EmbeddingScript) -> dict[str, Any]:
    """The answer of a well-behaved endpoint to a request for embeddings, whose order it need not keep.

    Args:
        body: the request's.
        embed: the vector of a text.
    """
    texts = body["input"]
    data = [
        {"object": "embedding", "index": index, "embedding": list(embed(text))}
        for index, text in enumerate(texts)
    ]
    words = sum(len(text.split()) for text in texts)
    usage = {"prompt_tokens": words, "total_tokens": words}
    return {"object": "list", "data": data[::-1], "model": body["model"], "usage": usage}

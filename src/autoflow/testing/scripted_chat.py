"""The endpoint of a model that carries out scripted workflows: what it was asked, and how long it took."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoflow.llm import Message, Role, ToolCall
from autoflow.llm.openai.bodies import CHOICE
from autoflow.testing.endpoint_answers import chat_answer
from autoflow.testing.scripted_replies import Reply, ScriptedReplies


@dataclass(slots=True)
class Asked:
    """One question that the endpoint was asked."""

    reply: Reply
    digest: str
    """Of the whole chat: the same where the same is asked again."""
    began: float
    """In seconds since the Unix epoch, when it was read."""
    ended: float = 0.0
    """When the answer was ready to be sent; 0 where the client left before."""

    @property
    def seconds(self) -> float:
        """How long the endpoint took."""
        return self.ended - self.began


class ScriptedChat:
    """Says what scripted workflows want; an `EndpointScript` for `ScriptedEndpoint`.

    Args:
        replies: what it says.
        seconds: that each answer takes.
        seconds_a_token: that each token of the answer takes on top; a token is a word.

    Attributes:
        asked: every question, in the order in which they came; may be cleared.
    """

    def __init__(
        self, replies: ScriptedReplies, *, seconds: float = 0.0, seconds_a_token: float = 0.0
    ) -> None:
        self._replies = replies
        self._seconds = seconds
        self._seconds_a_token = seconds_a_token
        self.asked: list[Asked] = []
        self._next = asyncio.Event()

    async def next_question(self) -> None:
        """Returns when something is asked that was not asked before; whoever waits for it sets a deadline."""
        await self._next.wait()

    async def __call__(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to a chat."""
        began = time.time()
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        reply = self._replies.reply(_messages(body), structured=bool(schema))
        options = schema.get("properties", {}).get(CHOICE, {}).get("enum")
        text = reply.text
        if options is not None and reply.choice is not None:
            text = json.dumps({CHOICE: options[reply.choice]})
        digest = hashlib.blake2b(json.dumps(body["messages"]).encode(), digest_size=16).hexdigest()
        self.asked.append(asked := Asked(reply, digest, began))
        self._next.set()
        self._next = asyncio.Event()
        await asyncio.sleep(began + self._seconds + self._seconds_a_token * len(text.split()) - time.time())
        asked.ended = time.time()
        return _as_call(body, text) if body.get("tools") else chat_answer(body, text)


def _messages(body: Mapping[str, Any]) -> list[Message]:
    return [
        Message(
            Role(message["role"]),
            message.get("content") or "",
            tuple(
                ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
                for call in message.get("tool_calls", ())
            ),
        )
        for message in body["messages"]
    ]


def _as_call(body: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """An answer that calls the first function there is."""
    answer = chat_answer(body, text)
    name = body["tools"][0]["function"]["name"]
    call = {"id": "call-1", "type": "function", "function": {"name": name, "arguments": text}}
    answer["choices"][0] |= {
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
        "finish_reason": "tool_calls",
    }
    return answer

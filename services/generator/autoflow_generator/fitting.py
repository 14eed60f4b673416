"""Finds the fullest of several prompts that leaves a model room to answer.

A model in process cuts an answer off at the end of its context, however little room the prompt leaves. So
where the context is known and a prompt might fill it, prompts are measured with calls that draw one token.
Where it is not known, or the endpoint counts the answer in, the draw itself fails with `PromptTooLong`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autoflow.llm import LanguageModel, Message, PromptTooLong, Sampling, Usage
from autoflow.llm.descriptions import ModelDescription
from autoflow.telemetry import ModelCall, model_call
from autoflow_generator.chats import Chat

_SHARE = 4
"""An answer is left one part in so many of the context, where the request does not limit it to less."""
_MESSAGE_TOKENS = 8
"""The most that a chat's template adds to a message."""


class Fitting:
    """Measures prompts for one model.

    Args:
        model: who draws.
        description: says how large its context is.
        sampling: how the answer is drawn.
        adapter: of the model.

    Attributes:
        usage: what measuring has cost.
    """

    def __init__(
        self, model: LanguageModel, description: ModelDescription, sampling: Sampling, adapter: str | None
    ) -> None:
        self._model = model
        self._context = description.context_tokens
        self._room = min(sampling.max_tokens, self._context // _SHARE)
        self._sampling = replace(sampling, max_tokens=1, log_probs=False)
        self._adapter = adapter
        self.usage = Usage()

    async def fullest(self, chats: Sequence[Chat]) -> int:
        """The index of the first chat that leaves room; the last one's where none does.

        Args:
            chats: one or more, each shorter than the one before.

        Raises:
            LanguageModelError: a call failed for another reason than the prompt's length.
        """
        first, last = 0, len(chats) - 1
        if first == last or await self._fits(chats[first].messages):
            return first
        first += 1
        while first < last:
            middle = (first + last) // 2
            if await self._fits(chats[middle].messages):
                last = middle
            else:
                first = middle + 1
        return first

    async def _fits(self, messages: Sequence[Message]) -> bool:
        # No token is shorter than a byte.
        most = sum(len(message.content.encode()) + _MESSAGE_TOKENS for message in messages)
        if not self._context or most + self._room <= self._context:
            return True
        try:
            with model_call(self._model.name, cost := ModelCall()):
                probe = await self._model.complete(messages, self._sampling, adapter=self._adapter)
                cost.usage = probe.usage
        except PromptTooLong:
            return False
        self.usage += probe.usage
        return probe.usage.prompt_tokens + self._room <= self._context

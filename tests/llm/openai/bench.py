"""Endpoints and the models that call them, for the length of a test."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from autoflow.llm import Message, Role
from autoflow.llm.openai import Endpoint, OpenAIModel
from autoflow.testing import FaultPlan, ScriptedEndpoint
from autoflow.testing.endpoint import EndpointScript

KEY = "sk-never-show-this"
PROMPT = [Message(Role.USER, "nobody may log this")]


class Bench:
    """Whatever it starts ends with the stack."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def endpoint(self, script: EndpointScript, faults: FaultPlan | None = None) -> ScriptedEndpoint:
        return await self._stack.enter_async_context(ScriptedEndpoint.serving(script, faults))

    def model(self, base_url: str, **fields: Any) -> OpenAIModel:
        described = {"name": "remote", "model": "scripted", "api_key": KEY, "backoff": 0.0, **fields}
        model = OpenAIModel(Endpoint(base_url=base_url, **described))
        self._stack.push_async_callback(model.close)
        return model

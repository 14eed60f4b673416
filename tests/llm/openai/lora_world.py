"""vLLM servers, adapters in folders, and models that ask the ones for the others."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from autoflow.llm import Capabilities, Sampling, UnknownAdapter
from autoflow.llm.openai import AdapterServing, Endpoint, OpenAIModel
from autoflow.testing.vllm import BASE, VllmFleet
from tests.llm.openai.bench import PROMPT

ADAPTER, OTHER, THIRD = (f"sha256:{digit * 64}" for digit in "abc")
NAME = "adapter-aaaaaaaaaaaa"
CAN = Capabilities(adapters=True, json_schema=True, choice=True, max_n=4)


class World:
    """Adapters in folders, and models that are closed with the stack."""

    def __init__(self, stack: AsyncExitStack, root: Path) -> None:
        self._stack = stack
        self._root = root
        for digest in (ADAPTER, OTHER, THIRD):
            self.write(digest)

    def write(self, digest: str, *, rank: int = 8, origin: str | None = None) -> Path:
        folder = self._root / digest.removeprefix("sha256:")
        folder.mkdir(exist_ok=True)
        (folder / "adapter_config.json").write_text(json.dumps({"r": rank}))
        if origin is not None:
            (folder / "autoflow.json").write_text(origin)
        return folder

    def folder(self, digest: str) -> Path:
        folder = self._root / digest.removeprefix("sha256:")
        if not folder.is_dir():
            raise UnknownAdapter(f"the store has no {digest}")
        return folder

    async def fleet(self, replicas: int, key: str = "") -> VllmFleet:
        return await self._stack.enter_async_context(VllmFleet.of(replicas, key))

    def model(self, fleet: VllmFleet, key: str = "", base_url: str = "", **serving: Any) -> OpenAIModel:
        stated = AdapterServing(**{"replicas": fleet.urls, "refresh": 0.0, **serving})
        endpoint = Endpoint(
            name="remote",
            model=BASE,
            base_url=base_url or fleet.base_url,
            api_key=key,
            capabilities=CAN,
            backoff=0.0,
            attempts=3,
            adapters=stated,
        )
        model = OpenAIModel(endpoint, folders=self.folder, lookup=fleet.lookup)
        self._stack.push_async_callback(model.close)
        return model


async def said(model: OpenAIModel, adapter: str | None = ADAPTER) -> str:
    return (await model.complete(PROMPT, Sampling(), adapter=adapter)).text


def loads(fleet: VllmFleet) -> list[list[str]]:
    return [replica.asked.loads for replica in fleet.replicas]

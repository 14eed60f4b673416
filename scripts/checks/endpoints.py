"""A completion of an OpenAI-compatible endpoint: `endpoints.py BASE_URL ANSWER`.

A catalogue's file names the endpoint, and the answer must be the one given.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from autoflow.llm.base import Message, Role, Sampling
from autoflow.llm.catalogue import Catalogue, default_catalogue


def _catalogue(base_url: str) -> Catalogue:
    entry = {"provider": "openai", "model": "scripted", "endpoint": base_url}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "models.yaml")
        file.write_text(json.dumps({"models": {"mock": entry}}))
        return default_catalogue({"AUTOFLOW_MODELS": str(file)})


async def _main(base_url: str, answer: str) -> None:
    catalogue = _catalogue(base_url)
    try:
        model = await catalogue.get("mock")
        completion = await model.complete([Message(Role.USER, "Say it.")], Sampling(0.0, 16, 0))
    finally:
        await catalogue.close()
    assert completion.text == answer, completion


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))

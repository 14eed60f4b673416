"""A completion of the embedded model, in this process, under a grammar."""

from __future__ import annotations

import asyncio

from autoflow.language import decoding_grammar
from autoflow.llm import tiny
from autoflow.llm.base import Grammar, Message, Role, Sampling
from autoflow.llm.local import LocalModel


async def _main() -> None:
    model = LocalModel.load(tiny.NAME, tiny.path())
    try:
        prompt = [Message(Role.USER, "Write a workflow for the planning tasks.")]
        grammar = Grammar(decoding_grammar(8, 200), lark="")
        completion = await model.complete(prompt, Sampling(0.0, 16, 0), constraint=grammar)
    finally:
        await model.close()
    assert completion.text.startswith("Step 1:::"), completion


if __name__ == "__main__":
    asyncio.run(_main())

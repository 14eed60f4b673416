from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from autoflow.llm.base import Completion
from autoflow.llm.local import ChatTokenizer, LocalModel, LocalSettings
from autoflow.testing.random_model import write_random_model

LoadLocal = Callable[..., AbstractAsyncContextManager[LocalModel]]


@dataclass(frozen=True)
class Reference:
    """A model as transformers runs it, one sequence at a time."""

    folder: Path
    model: PreTrainedModel
    tokenizer: ChatTokenizer

    @classmethod
    def load(cls, folder: Path) -> Reference:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
        model.train(False)
        return cls(folder, model, ChatTokenizer.load(folder))

    def greedy(self, prompt: tuple[int, ...], max_tokens: int, model: Any = None) -> tuple[int, ...]:
        """What `generate` draws."""
        ids = torch.tensor([prompt])
        running: Any = model or self.model
        output = running.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=max_tokens,
        )
        return tuple(output[0, len(prompt) :].tolist())

    @torch.no_grad()
    def log_probs(
        self,
        completion: Completion,
        *,
        temperature: float = 1.0,
        masks: torch.Tensor | None = None,
        model: Any = None,
    ) -> torch.Tensor:
        """The log-probabilities of a completion's ids by one plain forward pass."""
        prompt, drawn = completion.prompt_token_ids, completion.token_ids
        running: Any = model or self.model
        logits: torch.Tensor = running(input_ids=torch.tensor([prompt + drawn])).logits[0]
        logits = logits[len(prompt) - 1 : -1].float() / temperature
        if masks is not None:
            logits = logits.masked_fill(~masks, -torch.inf)
        return logits.log_softmax(-1).gather(1, torch.tensor(drawn)[:, None])[:, 0]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference.load(write_random_model(tmp_path_factory.mktemp("llama")))


@pytest.fixture(scope="session")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference.load(write_random_model(tmp_path_factory.mktemp("qwen"), architecture="qwen3", seed=1))


@pytest.fixture(scope="session")
def mistral(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A model that sees only the latest 16 tokens."""
    folder = tmp_path_factory.mktemp("mistral")
    return Reference.load(write_random_model(folder, architecture="mistral", seed=2, sliding_window=16))


@pytest.fixture
def load() -> LoadLocal:
    """Loads a local model for the length of a block."""

    @asynccontextmanager
    async def loaded(
        reference: Reference,
        adapters: Callable[[str], Path] | None = None,
        **settings: Any,
    ) -> AsyncIterator[LocalModel]:
        model = LocalModel.load(
            "test", reference.folder, adapters=adapters, settings=LocalSettings(**settings)
        )
        try:
            yield model
        finally:
            await model.close()

    return loaded

"""The local provider: any causal language model of transformers, in this process.

Calls from event loops become sequences that one engine thread advances together; see `engine`. Weights are
read from a folder, from safetensors only, and nothing is downloaded. Left out: quantised weights, several
devices for one model, and speculative decoding; whoever needs those serves the model with vLLM.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from autoflow.llm.base import (
    Capabilities,
    Completion,
    Constraint,
    FinishReason,
    Grammar,
    Message,
    PromptTooLong,
    Sampling,
    ToolSpec,
    UnknownAdapter,
    Usage,
)
from autoflow.llm.demands import demand
from autoflow.llm.local.adapters import Adapters
from autoflow.llm.local.cache import SlotCache
from autoflow.llm.local.calls import DrawCall, Weights
from autoflow.llm.local.chat import ChatTokenizer
from autoflow.llm.local.check import install
from autoflow.llm.local.choice import Choice
from autoflow.llm.local.engine import Counters, Engine
from autoflow.llm.local.grammar import Grammars
from autoflow.llm.local.runner import Runner
from autoflow.llm.local.sampling import Draw, Sampler
from autoflow.llm.local.scheduler import Scheduler
from autoflow.llm.local_settings import LocalSettings
from autoflow.weights import loading

logger = logging.getLogger(__name__)

_LONG_TEXT = 20_000
"""Characters. Longer chats are turned into ids off the event loop; for others the detour takes longer."""


class LocalModel:
    """A language model in this process; see `autoflow.llm.base.LanguageModel`. Made by `load`."""

    def __init__(
        self,
        name: str,
        *,
        tokenizer: ChatTokenizer,
        grammars: Grammars,
        engine: Engine,
        adapters: Callable[[str], Path] | None,
        context: int,
        shutdown_seconds: float,
    ) -> None:
        self._name = name
        self._tokenizer = tokenizer
        self._grammars = grammars
        self._engine = engine
        self._adapters = adapters
        self._context = context
        self._shutdown_seconds = shutdown_seconds
        self._finding = threading.Lock()

    @classmethod
    def load(
        cls,
        name: str,
        path: Path,
        *,
        adapters: Callable[[str], Path] | None = None,
        settings: LocalSettings | None = None,
    ) -> LocalModel:
        """Loads a model and starts its engine. Blocks for as long as that takes.

        Args:
            name: its name in the catalogue.
            path: a folder with configuration, safetensors, and a tokenizer with a chat template.
            adapters: gives the folder of a LoRA adapter (as peft saves it) by its digest, or raises
                UnknownAdapter; called off the event loop. None where there are no adapters.
            settings: how it runs; None means the defaults.

        Raises:
            OSError: the folder does not hold such a model.
            ValueError: the model is of a kind that the engine cannot run, or its context does not fit the
                memory that the settings allow.
        """
        settings = settings or LocalSettings()
        tokenizer = ChatTokenizer.load(path)
        grammars = Grammars(tokenizer, cache_mib=settings.grammar_cache_mib, threads=settings.threads)
        model = _load_weights(path, settings)
        context = min(settings.context or tokenizer.context, tokenizer.context)
        slots = _affordable_slots(install(model), context, settings)
        cache = SlotCache(slots, context)
        engine = Engine(
            name,
            runner=Runner(model, cache),
            adapters=Adapters(model, settings.max_adapters),
            scheduler=Scheduler(cache, max_rows=settings.max_rows, max_tokens=settings.max_step_tokens),
            sampler=Sampler(settings.threads),
            threads=settings.threads,
            max_waiting=settings.max_waiting,
        )
        engine.start()
        logger.info("model %s: %d slots of %d tokens", name, slots, context)
        return cls(
            name,
            tokenizer=tokenizer,
            grammars=grammars,
            engine=engine,
            adapters=adapters,
            context=context,
            shutdown_seconds=settings.shutdown_seconds,
        )

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        return self._name

    @property
    def alive(self) -> bool:
        """As `LanguageModel.alive`."""
        return self._engine.alive

    @property
    def capabilities(self) -> Capabilities:
        """As `LanguageModel.capabilities`."""
        return Capabilities(
            grammar=True,
            choice=True,
            seed=True,
            log_probs=True,
            token_ids=True,
            adapters=self._adapters is not None,
        )

    @property
    def counters(self) -> Counters:
        """What its engine has done so far."""
        return replace(self._engine.counters)

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        constraint: Constraint | None = None,
        tools: Sequence[ToolSpec] = (),
        adapter: str | None = None,
    ) -> Completion:
        """As `LanguageModel.complete`.

        At temperature 0 the log-probabilities are those of temperature 1.

        Raises:
            ValueError: the grammar is none, or `max_tokens` is less than 1.
        """
        if sampling.max_tokens < 1:
            raise ValueError(f"max_tokens is {sampling.max_tokens}, but must be at least 1")
        demand(self._name, self.capabilities, messages, sampling, constraint=constraint, tools=tools)
        prompt = await self._prompt_ids(messages)
        matcher = None
        if isinstance(constraint, Grammar):
            matcher = (await asyncio.to_thread(self._grammars.compile, constraint.ebnf)).matcher()
        call = DrawCall(
            prompt,
            await self._weights(adapter),
            draw=Draw(sampling.temperature, sampling.seed, matcher),
            max_tokens=min(sampling.max_tokens, self._context - len(prompt)),
            stop_ids=self._tokenizer.stop_ids,
        )
        (drawn,) = await self._engine.submit([call])
        said = drawn.ids[:-1] if drawn.reason is FinishReason.STOP else drawn.ids
        return Completion(
            text=self._tokenizer.text(said),
            finish_reason=drawn.reason,
            usage=Usage(calls=1, prompt_tokens=len(prompt), completion_tokens=len(drawn.ids)),
            prompt_token_ids=tuple(prompt),
            token_ids=drawn.ids,
            log_probs=drawn.log_probs,
        )

    async def complete_n(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        n: int,
        *,
        constraint: Constraint | None = None,
        adapter: str | None = None,
    ) -> tuple[Completion, ...]:
        """As `LanguageModel.complete_n`; one at a time, since concurrent calls share their prompt anyway."""
        demand(self._name, self.capabilities, messages, sampling, constraint=constraint, n=n)
        return (await self.complete(messages, sampling, constraint=constraint, adapter=adapter),)

    async def choose(
        self, messages: Sequence[Message], options: Sequence[str], *, adapter: str | None = None
    ) -> tuple[int, Usage]:
        """As `LanguageModel.choose`: the option whose ids have the largest sum of log-probabilities.

        The cost counts the prompt once, and the ids of the option that was picked as drawn.

        Raises:
            ValueError: there are fewer than two options, or one of them is empty.
        """
        prompt = await self._prompt_ids(messages)
        ids = [tuple(self._tokenizer.ids(option)) for option in options]
        if len(ids) < 2 or not all(ids):
            raise ValueError("choosing takes two or more options, none of them empty")
        if len(prompt) + max(map(len, ids)) > self._context:
            raise PromptTooLong(f"prompt and options take more than {self._context} tokens")
        choice = Choice(prompt, ids, await self._weights(adapter))
        best = choice.best(await self._engine.submit(choice.calls))
        return best, Usage(calls=1, prompt_tokens=len(prompt), completion_tokens=len(ids[best]))

    async def close(self) -> None:
        """As `LanguageModel.close`."""
        await self._engine.close(self._shutdown_seconds)

    async def _prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        if sum(len(message.content) for message in messages) > _LONG_TEXT:
            ids = await asyncio.to_thread(self._tokenizer.prompt_ids, messages)
        else:
            ids = self._tokenizer.prompt_ids(messages)
        if len(ids) >= self._context:
            raise PromptTooLong(
                f"the prompt has {len(ids)} tokens, which leaves no room in a context of {self._context}"
            )
        return ids

    async def _weights(self, adapter: str | None) -> Weights | None:
        if adapter is None:
            return None
        if self._adapters is None:
            raise UnknownAdapter(f"the model {self._name} has no adapters")
        return Weights(adapter, await asyncio.to_thread(self._find_adapter, self._adapters, adapter))

    def _find_adapter(self, adapters: Callable[[str], Path], digest: str) -> Path:
        """One at a time: the samples of one prompt all come at once, and the first may have to fetch it."""
        with self._finding:
            return adapters(digest)


def _load_weights(path: Path, settings: LocalSettings) -> PreTrainedModel:
    with loading():
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=getattr(torch, settings.dtype),
            use_safetensors=True,
            local_files_only=True,
        )
    model.requires_grad_(False)
    torch.nn.Module.to(model, torch.device(settings.device))
    model.train(False)
    return model


def _affordable_slots(bytes_per_token: int, context: int, settings: LocalSettings) -> int:
    """As many slots as the memory for keys and values holds; twice the rows at most, the rest is for
    reuse.
    """
    slots = settings.cache_mib * 2**20 // (bytes_per_token * context)
    if slots < 1:
        needed = bytes_per_token * context / 2**20
        raise ValueError(
            f"a sequence of {context} tokens takes {needed:.0f} MiB of keys and values: allow more than "
            f"{settings.cache_mib} MiB, or a shorter context"
        )
    return min(slots, 2 * settings.max_rows)

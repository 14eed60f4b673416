"""Applies experts to samples: finds them, checks what they are given, and keeps the event loop free.

A call holds one thread while it works and is refused where too many are under way. A call that is given up
ends after the sample that is being worked on. Results are kept for a while, and stand for equal samples.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor

from autoflow.admission import Admission
from autoflow.errors import InvalidArgument, NotFound
from autoflow.suites import Content, ContentType, Tool
from autoflow_experts.cache import ResultCache, result_key
from autoflow_experts.experts import Apply, Expert, Inputs, Result


class Experts:
    """The experts service without its wire.

    Args:
        experts: those that may be asked for.
        executor: whose threads work.
        admission: bounds the calls that are under way.
        cache: keeps results.
    """

    def __init__(
        self, experts: Iterable[Expert], executor: Executor, admission: Admission, cache: ResultCache
    ) -> None:
        self._experts: Mapping[str, Expert] = {expert.tool.name: expert for expert in experts}
        self._executor = executor
        self._admission = admission
        self._cache = cache

    @property
    def tools(self) -> list[Tool]:
        """All tools, in the order of their names."""
        return [self._experts[name].tool for name in sorted(self._experts)]

    async def call(self, name: str, samples: Sequence[Inputs]) -> list[Result]:
        """Applies a tool to samples.

        Args:
            name: the tool's.
            samples: what to apply it to.

        Returns:
            One result for each sample, in their order.

        Raises:
            NotFound: there is no such tool.
            InvalidArgument: a sample has other inputs than the tool takes; nothing was done.
            ResourceExhausted: too many calls are under way, or the tool's model has no room.
            FailedPrecondition: the tool's model is too large for the service.
            Unavailable: the tool's model cannot be had.
        """
        expert = self._expert(name)
        for index, inputs in enumerate(samples):
            _check(expert.tool, inputs, f"samples[{index}].inputs")
        with self._admission.enter():
            return await self._results(expert, samples)

    async def _results(self, expert: Expert, samples: Sequence[Inputs]) -> list[Result]:
        """The results of samples; those that are known already need nothing that the expert holds."""
        keys = await asyncio.to_thread(_keys, expert.tool, samples)
        known = {key: result for key in keys if (result := self._cache.get(key)) is not None}
        unknown = {key: inputs for key, inputs in zip(keys, samples, strict=True) if key not in known}
        if unknown:
            async with expert.hold() as apply:
                known.update(await self._apply(apply, unknown))
        return [known[key] for key in keys]

    async def _apply(self, apply: Apply, samples: Mapping[bytes, Inputs]) -> dict[bytes, Result]:
        given_up = threading.Event()

        def work() -> dict[bytes, Result]:
            """Incomplete once the call is given up."""
            results: dict[bytes, Result] = {}
            for key, result in zip(samples, apply(list(samples.values())), strict=True):
                results[key] = result
                self._cache.put(key, result)
                if given_up.is_set():
                    break
            return results

        working = self._executor.submit(work)
        waiting = asyncio.wrap_future(working)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            given_up.set()
            # What still waits for a thread never starts; what is at work ends its sample, and the call keeps
            # its place until then.
            if not working.cancel():
                await asyncio.wait([waiting])
            raise

    def _expert(self, name: str) -> Expert:
        try:
            return self._experts[name]
        except KeyError:
            known = ", ".join(sorted(self._experts))
            raise NotFound(f"no tool is named {name!r}; there are: {known}") from None


def _keys(tool: Tool, samples: Sequence[Inputs]) -> list[bytes]:
    return [result_key(tool.name, inputs) for inputs in samples]


def _check(tool: Tool, inputs: Inputs, field: str) -> None:
    wanted = " and ".join(f"one {kind}" for kind in tool.inputs)
    if len(inputs) != len(tool.inputs):
        raise InvalidArgument(field, f"{tool.name!r} takes {wanted}, not {len(inputs)} inputs")
    for index, (content, kind) in enumerate(zip(inputs, tool.inputs, strict=True)):
        if _kind(content) is not kind:
            raise InvalidArgument(
                f"{field}[{index}]",
                f"{tool.name!r} takes {kind} here, not {_kind(content)}",
                fix=f"give it {wanted}, in this order",
            )


def _kind(content: Content) -> ContentType:
    return ContentType.TEXT if isinstance(content, str) else ContentType.IMAGE

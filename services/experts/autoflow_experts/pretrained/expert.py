"""An expert that is a model: held in memory while a call lasts, and unavailable while it cannot be had.

A load that failed, or whose model was too large, is not tried again for half a minute: callers are told at
once, and a hub that is down is not asked by each of them. Imports no torch, so that a service whose models
nobody asks for is small.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from autoflow.errors import AutoFlowError, FailedPrecondition, Unavailable
from autoflow.model_store import ModelStore
from autoflow.suites import Tool
from autoflow_experts.experts import Apply, Inputs, Result

PAUSE = 30.0
"""Seconds from a load that failed to the next try."""

_log = logging.getLogger(__name__)


class Network(Protocol):
    """A loaded model that does one tool's work."""

    @property
    def bytes(self) -> int:
        """The memory of its weights."""

    def apply(self, samples: Sequence[Inputs]) -> Iterator[Result]:
        """Applies it to samples; see `Apply`.

        Raises:
            ResourceExhausted: the device has no memory for one of them.
        """


class PretrainedExpert:
    """A tool that a model does.

    Args:
        tool: its name and types.
        model: what callers know the model by.
        load: loads the model; called in a thread.
        models: where it is held, under the tool's name.
        now: seconds that pass.
    """

    def __init__(
        self,
        tool: Tool,
        model: str,
        load: Callable[[], Network],
        models: ModelStore[Network],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tool = tool
        self._model = model
        self._load = load
        self._models = models
        self._now = now
        self._next_try = float("-inf")
        self._refusal: Callable[[], AutoFlowError] = self._unavailable

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[Apply]:
        """See `Expert`."""
        if self._now() < self._next_try:
            raise self._refusal()
        try:
            async with self._models.use(self.tool.name, self._try) as network:
                yield network.apply
        except FailedPrecondition as error:
            self._pause(partial(FailedPrecondition, error.message))
            raise

    def _try(self) -> Network:
        try:
            return self._load()
        # What transformers and its parts raise on files that are not what they should be is anything.
        except Exception as error:
            self._pause(self._unavailable)
            _log.error("the model of a tool cannot be had", extra={"tool": self.tool.name}, exc_info=error)
            raise self._unavailable() from None

    def _pause(self, refusal: Callable[[], AutoFlowError]) -> None:
        self._next_try, self._refusal = self._now() + PAUSE, refusal

    def _unavailable(self) -> Unavailable:
        # The reason may name addresses and paths of ours.
        return Unavailable(
            f"the model {self._model!r} of {self.tool.name!r} cannot be had: fetch it to where the experts "
            "run, or name another one, or none, in AUTOFLOW_EXPERTS_FILE (the log of the experts says why)"
        )

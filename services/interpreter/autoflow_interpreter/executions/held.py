"""One execution that this server holds."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from autoflow_interpreter.executions.live import Live
from autoflow_interpreter.executions.model import Execution


class Held:
    """An execution that this server holds, and the task that carries it out.

    Args:
        execution: as it was when this server began to hold it.
        admitted: closed by whoever lets go of it.
    """

    def __init__(self, execution: Execution, admitted: ExitStack) -> None:
        self.execution = execution
        self.live = Live(execution.id, execution.events)
        self.admitted = admitted
        self.cancelled = False
        """Whether its work is to end since somebody wants the execution cancelled."""
        self.task: asyncio.Task[None] | None = None
        self._unwanted = False
        self._working = False

    @property
    def lease(self) -> tuple[str, int]:
        """Its id, and the token with which it is held."""
        return self.execution.id, self.execution.token

    def begin(self, carrying_out: Coroutine[Any, Any, None]) -> None:
        """Has it carried out in a task of its own."""
        self.task = asyncio.create_task(carrying_out, name=f"execution-{self.execution.id}")

    def end(self, *, cancelled: bool) -> None:
        """Ends its work, where that has not ended. Of those who want that the first is heard.

        Args:
            cancelled: whether the execution ends with that; else somebody goes on with it.
        """
        if self._unwanted:
            return
        self._unwanted, self.cancelled = True, cancelled
        if self._working and self.task is not None:
            self.task.cancel()

    @contextmanager
    def working(self) -> Iterator[None]:
        """The part of its task that `end` breaks off.

        How the execution ends is stored after it, and nobody breaks that off. Before it nothing is: a task
        that is cancelled before its first step would never come to its `finally`.

        Raises:
            asyncio.CancelledError: the work is not wanted any more.
        """
        if self._unwanted:
            raise asyncio.CancelledError
        self._working = True
        try:
            yield
        finally:
            self._working = False

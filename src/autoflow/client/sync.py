"""The client for programs without an event loop.

    with SyncClient(interpreter="127.0.0.1:50052") as client:
        for event in client.interpreter.execute_workflow(request):
            print(event)

It has the services of `Client`, and their methods with the same arguments: what is awaited there is returned
here, and what is a stream there is an iterator here. Calls are made on an event loop in a thread of the
client's own, so several threads may use one client at a time.

Not for use inside an event loop, which every call would block.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from functools import cached_property, wraps
from types import TracebackType
from typing import Concatenate, Generic, ParamSpec, Self, TypeVar

from autoflow.client.client import Client
from autoflow.client.generator import GeneratorClient
from autoflow.client.interpreter import InterpreterClient
from autoflow.client.registry import RegistryClient
from autoflow.client.scorer import ScorerClient
from autoflow.client.settings import ClientSettings
from autoflow.client.tools import ToolClient
from autoflow.client.trainer import TrainerClient

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

_CLOSE_SECONDS = 10.0


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # A daemon: a client that nobody closed must not keep the program from ending.
        self._thread = threading.Thread(target=self._loop.run_forever, name="autoflow-client", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._loop.is_closed()

    def run(self, coroutine: Coroutine[object, object, R]) -> R:
        """Returns what the coroutine returns; an interrupt of the caller cancels it.

        Raises:
            RuntimeError: the client is closed, or the caller is a call-back of its own.
        """
        if self.closed or threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("the client is closed" if self.closed else "a call-back cannot make calls")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Ends loop and thread."""
        self.run(self._cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_SECONDS)
        self._loop.close()

    async def _cancel_others(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=_CLOSE_SECONDS)
        await self._loop.shutdown_asyncgens()


class _Service(Generic[S]):
    """One service, without an event loop."""

    def __init__(self, loop: _Loop, client: S) -> None:
        self._loop = loop
        self._client = client


def _unary(
    method: Callable[Concatenate[S, P], Awaitable[R]],
) -> Callable[Concatenate[_Service[S], P], R]:
    @wraps(method)
    def call(self: _Service[S], /, *args: P.args, **kwargs: P.kwargs) -> R:
        async def answer() -> R:
            return await method(self._client, *args, **kwargs)

        return self._loop.run(answer())

    return call


def _stream(
    method: Callable[Concatenate[S, P], AsyncGenerator[R]],
) -> Callable[Concatenate[_Service[S], P], Generator[R]]:
    @wraps(method)
    def call(self: _Service[S], /, *args: P.args, **kwargs: P.kwargs) -> Generator[R]:
        answers = method(self._client, *args, **kwargs)
        # What was interrupted may still be ending its call when it is closed.
        in_use = asyncio.Lock()

        async def following() -> tuple[R, ...]:
            # A StopAsyncIteration cannot leave a coroutine; nothing at all says that the stream is over.
            async with in_use:
                async for answer in answers:
                    return (answer,)
                return ()

        async def close() -> None:
            async with in_use:
                await answers.aclose()

        try:
            while answer := self._loop.run(following()):
                yield answer[0]
        finally:
            if not self._loop.closed:
                self._loop.run(close())

    return call


class SyncGenerator(_Service[GeneratorClient]):
    """`GeneratorClient`, without an event loop. Leaving a stream early cancels the call when it is closed."""

    generate_workflows = _stream(GeneratorClient.generate_workflows)
    refine_workflow = _stream(GeneratorClient.refine_workflow)
    lint_workflow = _unary(GeneratorClient.lint_workflow)
    format_workflow = _unary(GeneratorClient.format_workflow)
    repair_workflow = _unary(GeneratorClient.repair_workflow)
    list_models = _unary(GeneratorClient.list_models)


class SyncRegistry(_Service[RegistryClient]):
    """`RegistryClient`, without an event loop."""

    create_workflow_version = _unary(RegistryClient.create_workflow_version)
    get_workflow_version = _unary(RegistryClient.get_workflow_version)
    list_workflow_versions = _unary(RegistryClient.list_workflow_versions)
    list_workflows = _unary(RegistryClient.list_workflows)
    promote_workflow = _unary(RegistryClient.promote_workflow)
    rollback_alias = _unary(RegistryClient.rollback_alias)
    list_aliases = _unary(RegistryClient.list_aliases)
    list_alias_changes = _unary(RegistryClient.list_alias_changes)


class SyncInterpreter(_Service[InterpreterClient]):
    """`InterpreterClient`, without an event loop."""

    execute_workflow = _stream(InterpreterClient.execute_workflow)
    get_execution = _unary(InterpreterClient.get_execution)
    list_executions = _stream(InterpreterClient.list_executions)
    watch_execution = _stream(InterpreterClient.watch_execution)
    cancel_execution = _unary(InterpreterClient.cancel_execution)
    resume_execution = _unary(InterpreterClient.resume_execution)
    execute_plan = _unary(InterpreterClient.execute_plan)
    list_tools = _unary(InterpreterClient.list_tools)


class SyncScorer(_Service[ScorerClient]):
    """`ScorerClient`, without an event loop."""

    score_outputs = _unary(ScorerClient.score_outputs)
    list_metrics = _unary(ScorerClient.list_metrics)


class SyncTrainer(_Service[TrainerClient]):
    """`TrainerClient`, without an event loop. `wait_for_run` calls `on_change` in the client's own thread."""

    create_suite = _unary(TrainerClient.create_suite)
    get_suite = _unary(TrainerClient.get_suite)
    list_suites = _unary(TrainerClient.list_suites)
    create_run = _unary(TrainerClient.create_run)
    get_run = _unary(TrainerClient.get_run)
    list_runs = _unary(TrainerClient.list_runs)
    watch_run = _stream(TrainerClient.watch_run)
    wait_for_run = _unary(TrainerClient.wait_for_run)
    cancel_run = _unary(TrainerClient.cancel_run)
    download_report = _stream(TrainerClient.download_report)


class SyncTools(_Service[ToolClient]):
    """`ToolClient`, without an event loop."""

    list_tools = _unary(ToolClient.list_tools)
    call_tool = _unary(ToolClient.call_tool)


class SyncClient:
    """Calls the services whose addresses it was given; a context manager.

    Args:
        generator: `host:port`; so are the next four.
        interpreter: see there.
        scorer: see there.
        trainer: see there.
        experts: see there.
        settings: deadlines and retries.
    """

    def __init__(
        self,
        *,
        generator: str | None = None,
        interpreter: str | None = None,
        scorer: str | None = None,
        trainer: str | None = None,
        experts: str | None = None,
        settings: ClientSettings | None = None,
    ) -> None:
        self._client = Client(
            generator=generator,
            interpreter=interpreter,
            scorer=scorer,
            trainer=trainer,
            experts=experts,
            settings=settings,
        )
        self._loop = _Loop()

    @cached_property
    def generator(self) -> SyncGenerator:
        """Writes workflows.

        Raises:
            ValueError: the client was made without its address; so for the other services.
        """
        return SyncGenerator(self._loop, self._loop.run(self._of(lambda client: client.generator)))

    @cached_property
    def registry(self) -> SyncRegistry:
        """Keeps workflows; the generator serves it."""
        return SyncRegistry(self._loop, self._loop.run(self._of(lambda client: client.registry)))

    @cached_property
    def interpreter(self) -> SyncInterpreter:
        """Executes workflows."""
        return SyncInterpreter(self._loop, self._loop.run(self._of(lambda client: client.interpreter)))

    @cached_property
    def scorer(self) -> SyncScorer:
        """Scores outputs."""
        return SyncScorer(self._loop, self._loop.run(self._of(lambda client: client.scorer)))

    @cached_property
    def trainer(self) -> SyncTrainer:
        """Runs optimisations."""
        return SyncTrainer(self._loop, self._loop.run(self._of(lambda client: client.trainer)))

    @cached_property
    def experts(self) -> SyncTools:
        """Apply tools."""
        return SyncTools(self._loop, self._loop.run(self._of(lambda client: client.experts)))

    def close(self) -> None:
        """Closes all channels and ends the thread; calls in flight are cancelled. Harmless when repeated."""
        if not self._loop.closed:
            self._loop.run(self._client.close())
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def _of(self, service: Callable[[Client], S]) -> S:
        # Channels belong to the loop in which they are made.
        return service(self._client)

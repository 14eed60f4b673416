"""One client for all services."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import Self

import grpc

from autoflow.client import generator as generator_module
from autoflow.client import interpreter as interpreter_module
from autoflow.client import registry as registry_module
from autoflow.client import scorer as scorer_module
from autoflow.client import tools as tools_module
from autoflow.client import trainer as trainer_module
from autoflow.client.generator import GeneratorClient
from autoflow.client.interpreter import InterpreterClient
from autoflow.client.registry import RegistryClient
from autoflow.client.scorer import ScorerClient
from autoflow.client.settings import ClientSettings, channel_options
from autoflow.client.tools import ToolClient
from autoflow.client.trainer import TrainerClient

_REPEATABLE = (
    # Nothing of what they do outlasts the call, so doing it again is harmless.
    generator_module.FULL_NAME,
    interpreter_module.FULL_NAME,
    scorer_module.FULL_NAME,
    tools_module.FULL_NAME,
    # What changes something always has a request id, and a suite is named by its content.
    registry_module.FULL_NAME,
    trainer_module.FULL_NAME,
)


class Client:
    """Calls the services whose addresses it was given; an async context manager.

    Make it inside the event loop that uses it. Channels connect when they are first used. They are neither
    encrypted nor authenticated: for a trusted network.

    Args:
        generator: `host:port`; the registry is there, too.
        interpreter: `host:port`.
        scorer: `host:port`.
        trainer: `host:port`.
        experts: `host:port`, also of any other provider of tools.
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
        self._settings = settings or ClientSettings()
        self._addresses = {
            "generator": generator,
            "interpreter": interpreter,
            "scorer": scorer,
            "trainer": trainer,
            "experts": experts,
        }
        self._channels: list[grpc.aio.Channel] = []

    @classmethod
    def of(cls, addresses: Mapping[str, str], settings: ClientSettings | None = None) -> Self:
        """Makes a client of services that are named at run time.

        Args:
            addresses: `host:port` by name, such as `generator`.
            settings: deadlines and retries.

        Raises:
            TypeError: there is no service of that name.
        """
        return cls(settings=settings, **addresses)

    @cached_property
    def generator(self) -> GeneratorClient:
        """Writes workflows.

        Raises:
            ValueError: the client was made without its address; so for the other services.
        """
        return GeneratorClient(self._channel("generator"), self._settings)

    @cached_property
    def registry(self) -> RegistryClient:
        """Keeps workflows; the generator serves it."""
        return RegistryClient(self._channel("generator"), self._settings)

    @cached_property
    def interpreter(self) -> InterpreterClient:
        """Executes workflows."""
        return InterpreterClient(self._channel("interpreter"), self._settings)

    @cached_property
    def scorer(self) -> ScorerClient:
        """Scores outputs."""
        return ScorerClient(self._channel("scorer"), self._settings)

    @cached_property
    def trainer(self) -> TrainerClient:
        """Runs optimisations."""
        return TrainerClient(self._channel("trainer"), self._settings)

    @cached_property
    def experts(self) -> ToolClient:
        """Apply tools."""
        return ToolClient(self._channel("experts"), self._settings)

    async def close(self) -> None:
        """Closes all channels; calls in flight are cancelled."""
        for channel in self._channels:
            await channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _channel(self, service: str) -> grpc.aio.Channel:
        address = self._addresses[service]
        if address is None:
            raise ValueError(f"the client has no address of the {service}")
        channel = grpc.aio.insecure_channel(address, options=channel_options(self._settings, _REPEATABLE))
        self._channels.append(channel)
        return channel

"""What a service hands over to be served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import grpc


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One gRPC service of a service's process."""

    full_name: str
    """Package and name, such as `autoflow.v1.GeneratorService`."""
    register: Callable[[grpc.aio.Server], None]
    """Adds its handlers to a server, such as `partial(add_GeneratorServiceServicer_to_server, servicer)`."""


async def _nothing() -> None:
    pass


async def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Service:
    """A service, wired and not yet started."""

    name: str
    """Its name among the entry points `autoflow.services`, such as `generator`."""
    endpoints: tuple[Endpoint, ...]
    """What it answers."""
    start: Callable[[], Awaitable[None]] = _nothing
    """Loads models, opens stores. Until it returns, health is NOT_SERVING and calls are refused."""
    drain: Callable[[], Awaitable[None]] = _nothing
    """Ends what would go on by itself, such as streams that follow a change, within a time of its own; runs
    when the service is asked to stop, while calls are still answered, and where `start` failed halfway."""
    stop: Callable[[], Awaitable[None]] = _nothing
    """Closes what `start` opened; runs after the last call has ended, and where `start` failed halfway."""
    ready: Callable[[], Awaitable[bool]] = _always
    """Whether it can do its work now; asked again and again, and health follows the answer."""


Builder: TypeAlias = Callable[[Mapping[str, str]], Service]
"""`build(env)` of a service's package: reads its settings and wires it; opens and loads nothing yet."""

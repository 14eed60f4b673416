"""Several services in one process, each on its own port, over real gRPC.

Services are found by their names among the entry points `autoflow.services`, so this module imports none.
What each is told about the others is what it would be told anywhere: addresses in its environment.

It is for a laptop and for tests: one process is one point of failure, and one interpreter lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from autoflow.errors import NotFound
from autoflow.server.running import Listener, RunningServer
from autoflow.server.service import Builder
from autoflow.server.settings import ServerSettings
from autoflow.settings import PREFIX, from_env

GROUP = "autoflow.services"
"""The group of the entry points."""
SERVICES = ("scorer", "experts", "generator", "interpreter", "trainer")
"""All services in the order of their start: whoever calls comes after those it calls."""

_HOST = "127.0.0.1"


def load_builder(name: str) -> Builder:
    """Imports a service.

    Args:
        name: of its entry point, such as `generator`.

    Raises:
        NotFound: no installed distribution offers it.
        ImportError: something that it needs is not installed.
    """
    for entry in entry_points(group=GROUP, name=name):
        return cast("Builder", entry.load())
    known = ", ".join(sorted(entry_points(group=GROUP).names)) or "none"
    raise NotFound(f"no service is named {name!r}; there are: {known}")


def local_environment(home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Completes an environment for services that keep their state in one folder.

    Args:
        home: the folder.
        env: what is given; it wins. An empty variable is as good as none.

    Returns:
        `env`, and the places of artifacts, adapters and databases below `home` where it has none.
    """
    home = home.absolute()
    places = {
        f"{PREFIX}ARTIFACTS": str(home / "artifacts"),
        f"{PREFIX}ADAPTER_CACHE": str(home / "adapters"),
        f"{PREFIX}TRAINER_DATA": str(home / "trainer"),
        f"{PREFIX}INTERPRETER_DATA": str(home / "interpreter"),
        f"{PREFIX}GENERATOR_DATA": str(home / "generator"),
    }
    return {**env, **{variable: env.get(variable) or place for variable, place in places.items()}}


@dataclass(frozen=True, slots=True)
class System:
    """Services that run in this process; as an async context manager they stop at the end."""

    servers: Mapping[str, RunningServer]
    """By name, in the order of their start."""

    @property
    def addresses(self) -> dict[str, str]:
        """`host:port` by name; fits `autoflow.client.Client.of`."""
        return {name: server.address for name, server in self.servers.items()}

    async def stop(self, grace: float) -> None:
        """Stops all, the last started first.

        Args:
            grace: seconds that calls in flight have to end, for each service.
        """
        async with AsyncExitStack() as stack:
            # The stack stops the others even where one fails to.
            for server in self.servers.values():
                stack.push_async_callback(server.stop, grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop(grace=0)


async def serve_all(
    env: Mapping[str, str],
    names: Sequence[str] = SERVICES,
    ports: Mapping[str, int] | None = None,
) -> System:
    """Starts services one after the other; returns when all have started.

    Args:
        env: the environment of all; each is told the addresses of all, `AUTOFLOW_GENERATOR_ADDRESS` and so
            on, in place of whatever `env` says.
        names: the services, in the order of their start.
        ports: of a service; any other takes a free one.

    Returns:
        The running services.

    Raises:
        NotFound: there is no such service.
        OSError: a port is taken.
        Exception: what a service's `build` or `start` raised; those that had started are stopped.
    """
    builders = {name: load_builder(name) for name in names}
    settings = from_env(ServerSettings, env)
    servers: dict[str, RunningServer] = {}
    listeners: dict[str, Listener] = {}
    try:
        for name in names:
            port = (ports or {}).get(name, 0)
            listeners[name] = Listener(replace(settings, address=f"{_HOST}:{port}"))
        addresses = {
            f"{PREFIX}{name.upper()}_ADDRESS": listener.address for name, listener in listeners.items()
        }
        for name, build in builders.items():
            service = build({**env, **addresses})
            servers[name] = await listeners.pop(name).serve(service)
    except BaseException:
        await System(servers).stop(grace=0)
        for listener in listeners.values():
            await listener.close()
        raise
    return System(servers)

"""The tools that a built-in suite's workflows call, served by the command that evaluates on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from autoflow.cli.runs.states import suite_id

_FILE, _PROVIDERS = "AUTOFLOW_TOOLS_FILE", "AUTOFLOW_TOOL_PROVIDERS"


@asynccontextmanager
async def suite_tools(suite: str, env: Mapping[str, str]) -> AsyncIterator[Mapping[str, str]]:
    """Serves the tools of `travel` for the length of the block; other suites need none of their own.

    Where the environment names a file of tools, that says where all tools are, and nothing is served.

    Args:
        suite: `suites/<id>`, or the id alone.
        env: the environment of the services.

    Yields:
        The environment, in which the interpreter finds the tools before any others.

    Raises:
        OSError: no port can be taken.
    """
    if suite_id(suite) != "travel" or env.get(_FILE):
        yield env
        return
    from autoflow.server import ServerSettings, serve
    from autoflow.tools.travel import build

    async with await serve(build(env), ServerSettings(address="127.0.0.1:0")) as server:
        yield {**env, _PROVIDERS: ",".join(filter(None, (server.address, env.get(_PROVIDERS))))}

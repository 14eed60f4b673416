"""The scorer that a command calls: one that runs somewhere, or one that runs inside the command."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autoflow.cli.console import Output
from autoflow.cli.reaching import reaching
from autoflow.cli.runtime import local_services, log_to
from autoflow.client import Client, ScorerClient


@asynccontextmanager
async def scorer_at(address: str | None, output: Output) -> AsyncIterator[ScorerClient]:
    """Reaches a scorer for the length of the block.

    Args:
        address: its `host:port`; None starts one in this process, with the settings of this environment.
        output: told that one is started.

    Raises:
        CommandFailed: nothing answers there, or none could be started.
    """
    if address is not None:
        async with Client(scorer=address) as client:
            with reaching("scorer", address):
                yield client.scorer
        return
    log_to(None, "ERROR")
    output.note("no scorer was named: starting one in this process")
    async with (
        local_services(os.environ, ["scorer"]) as system,
        Client(scorer=system.addresses["scorer"]) as client,
    ):
        yield client.scorer

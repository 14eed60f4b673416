"""Says which service it was that could not be reached, and what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.client import Client, InterpreterClient, RegistryClient, TrainerClient
from autoflow.client.errors import Unavailable


@contextmanager
def reaching(service: str, address: str, option: str = "") -> Iterator[None]:
    """Around calls of one service.

    Args:
        service: its name, such as `trainer`.
        address: where it should be.
        option: that says where it is, without dashes; empty: it is called as the service is.

    Raises:
        CommandFailed: nothing answers there.
    """
    try:
        yield
    except Unavailable as error:
        # A server that did answer gives its answers an id.
        if error.details.request_id:
            raise
        advice = f"start it by `autoflow up`, or say by --{option or service} where it is"
        raise CommandFailed(f"no {service} answers at {address}: {advice}", ExitCode.UNAVAILABLE) from None


@asynccontextmanager
async def trainer_at(address: str) -> AsyncIterator[TrainerClient]:
    """A trainer for the length of the block.

    Args:
        address: `host:port`.

    Raises:
        CommandFailed: nothing answers there.
    """
    async with Client(trainer=address) as client:
        with reaching("trainer", address):
            yield client.trainer


@asynccontextmanager
async def interpreter_at(address: str) -> AsyncIterator[InterpreterClient]:
    """An interpreter for the length of the block; errors as `trainer_at`."""
    async with Client(interpreter=address) as client:
        with reaching("interpreter", address):
            yield client.interpreter


@asynccontextmanager
async def registry_at(address: str, option: str = "") -> AsyncIterator[RegistryClient]:
    """A generator's registry for the length of the block; `option` as `reaching`, errors as `trainer_at`."""
    async with Client(generator=address) as client:
        with reaching("generator", address, option):
            yield client.registry

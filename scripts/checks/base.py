"""The client alone: a call of a service that is not there fails as documented, within its deadline."""

from __future__ import annotations

import asyncio

from autoflow.client import Client, RpcError
from autoflow.v1.generator_service_pb2 import LintWorkflowRequest

_NOBODY = "127.0.0.1:1"


async def _main() -> None:
    async with Client(generator=_NOBODY) as client:
        try:
            await client.generator.lint_workflow(LintWorkflowRequest(), timeout=10)
        except RpcError as error:
            print(f"as it should be: {error}")
        else:
            raise SystemExit("nobody answered, and yet there is an answer")


if __name__ == "__main__":
    asyncio.run(_main())

"""The trainer's engine for PostgreSQL, which the extra `postgres` gives its driver; connected to nothing."""

from __future__ import annotations

import asyncio

from autoflow.store.engine import create_engine


async def _main() -> None:
    engine = create_engine("postgresql+psycopg://someone@127.0.0.1:1/runs")
    assert (engine.dialect.name, engine.driver) == ("postgresql", "psycopg"), engine.driver
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(_main())

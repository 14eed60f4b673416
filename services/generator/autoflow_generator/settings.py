"""The settings of the generator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where registered workflows are kept; all that `python -m autoflow_generator migrate` needs."""

    generator_data: Path = Path("~/.local/share/autoflow/generator")
    """Folder of the database, where no URL is given."""
    generator_database_url: str = ""
    """SQLAlchemy URL with an async driver. Default: SQLite, `generator.db` in the data folder."""

    @property
    def database(self) -> str:
        """The URL of the database."""
        folder = self.generator_data.expanduser().absolute()
        return self.generator_database_url or f"sqlite+aiosqlite:///{folder / 'generator.db'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSettings(DatabaseSettings):
    """Settings of the generator, `AUTOFLOW_GENERATOR_MAX_REQUESTS` and so on."""

    migrate_on_start: bool = True
    """Whether the service brings the database to what it needs; else it refuses to start on an older one, and
    `python -m autoflow_generator migrate` does so."""
    generator_max_requests: int = 64
    """Requests for candidates under way; one more is refused with RESOURCE_EXHAUSTED."""
    generator_max_tokens: int = 640
    """The limit of a candidate where a request gives none: some twelve steps of plain English."""

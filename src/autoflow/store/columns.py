"""Types of columns that services share, and what both kinds of databases can keep in them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, TypeDecorator

SERIAL = BigInteger().with_variant(Integer(), "sqlite")
"""Of keys that the database gives out. SQLite gives out ascending ones for INTEGER alone."""


class UtcTime(TypeDecorator[datetime]):
    """A point in time, aware, in UTC. SQLite would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Towards the database."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def storable(text: str) -> str:
    """A text that may come from anybody, such that it can be kept."""
    # PostgreSQL keeps no text with this character.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")

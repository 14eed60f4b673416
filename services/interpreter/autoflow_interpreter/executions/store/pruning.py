"""Deletes what is no longer to be kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from autoflow_interpreter.executions.store.tables import EXECUTIONS

_TABLE = EXECUTIONS.c


def prune(connection: Connection, tenant: str, ended_before: datetime, keep: int, limit: int) -> int:
    """Deletes executions that have ended, with everything that belongs to them.

    Args:
        connection: in a transaction that writes.
        tenant: whose executions these are.
        ended_before: those that ended before this go, and
        keep: those beyond so many that ended last.
        limit: the most to delete.

    Returns:
        How many were deleted.
    """
    # Only what is final has an end.
    ended = select(_TABLE.place).where(_TABLE.tenant == tenant, _TABLE.end_time.is_not(None))
    old = ended.where(_TABLE.end_time < ended_before).order_by(_TABLE.end_time).limit(limit)
    many = ended.order_by(_TABLE.end_time.desc(), _TABLE.place.desc()).offset(keep).limit(limit)
    places: list[int] = []
    for query in (old, many):
        places += connection.scalars(query)
    found = _TABLE.place.in_(sorted(set(places))[:limit])
    # Another server may be at it: what it has locked it deletes. Locked apart from the search, with which
    # PostgreSQL would lock those to be kept as well.
    free = select(_TABLE.place).where(found).with_for_update(skip_locked=True)
    doomed = list(connection.scalars(free))
    if doomed:
        # Their events and the rest go with them: ON DELETE CASCADE.
        connection.execute(delete(EXECUTIONS).where(_TABLE.place.in_(doomed)))
    return len(doomed)

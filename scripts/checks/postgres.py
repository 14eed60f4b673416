"""The driver of PostgreSQL: it reads a URL with its compiled libpq, and says which server is missing."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict

_NOBODY = "postgresql://someone@127.0.0.1:1/runs?connect_timeout=5"

if __name__ == "__main__":
    assert psycopg.pq.__impl__ == "binary", psycopg.pq.__impl__
    assert conninfo_to_dict(_NOBODY)["dbname"] == "runs"
    try:
        psycopg.connect(_NOBODY)
    except psycopg.OperationalError as error:
        print(f"as it should be: {error}")
    else:
        raise SystemExit("nobody listens, and yet there is a connection")

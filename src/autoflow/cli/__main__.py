"""`python -m autoflow.cli` is the command `autoflow`."""

from __future__ import annotations

from autoflow.cli import app

app(prog_name="autoflow")

"""The `autoflow` command.

`commands` is the surface: options, help, and nothing that is slow to import. What a command does is in the
packages beside it, imported when the command runs, so that `autoflow lint` starts without gRPC and no command
loads torch or matplotlib before it needs them.
"""

from __future__ import annotations

import os

# Before anything imports grpc, which reads it then: connections that end with their server are no news.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

from autoflow.cli.app import app

__all__ = ["app"]

"""Serves any service of AutoFlow over gRPC: health, reflection, validation, errors, logs, a graceful end."""

from __future__ import annotations

from autoflow.server.process import main
from autoflow.server.running import Listener, RunningServer, serve
from autoflow.server.service import Builder, Endpoint, Service
from autoflow.server.settings import ServerSettings

__all__ = ["Builder", "Endpoint", "Listener", "RunningServer", "ServerSettings", "Service", "main", "serve"]

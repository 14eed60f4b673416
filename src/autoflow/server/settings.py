"""How any service is served."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Settings of a server; `autoflow.settings.from_env` reads them, `AUTOFLOW_ADDRESS` and so on."""

    address: str = "127.0.0.1:50051"
    """Where to listen, `host:port`; port 0 takes a free one."""
    max_concurrent_rpcs: int = 1024
    """Calls in flight; one more is refused with RESOURCE_EXHAUSTED. Health and reflection are not counted."""
    unary_deadline: float = 60.0
    """Seconds for a call with one answer whose caller gave no deadline."""
    stream_deadline: float = 3600.0
    """Seconds for a call with a stream of answers whose caller gave no deadline."""
    drain_grace: float = 30.0
    """Seconds that calls in flight have to end after SIGTERM; then they are cancelled."""
    health_interval: float = 5.0
    """Seconds between two questions whether the service is ready; also the most that an answer may take."""
    max_message_bytes: int = 64 * 2**20
    """The largest request that is read."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""

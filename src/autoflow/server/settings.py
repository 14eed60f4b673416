"""How any service is served."""

from __future__ import annotations

from dataclasses import dataclass

from autoflow.settings import SettingsError

MOST_MESSAGE_BYTES = 2**31 - 1
"""What gRPC can be told, and protobuf can write."""
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Settings of a server; `autoflow.settings.from_env` reads them, `AUTOFLOW_ADDRESS` and so on."""

    address: str = "127.0.0.1:50051"
    """Where to listen, `host:port`; port 0 takes a free one."""
    max_concurrent_rpcs: int = 1024
    """Calls in flight; one more is refused with RESOURCE_EXHAUSTED. Health and reflection are not counted."""
    max_concurrent_streams: int = 768
    """Those of the calls in flight that may be streams, which last long; one more is refused with
    RESOURCE_EXHAUSTED, so that short calls still come through."""
    unary_deadline: float = 60.0
    """Seconds for a call with one request and one answer whose caller gave no deadline."""
    stream_deadline: float = 3600.0
    """Seconds for a call with a stream of requests or answers whose caller gave no deadline."""
    drain_grace: float = 30.0
    """Seconds that calls in flight have to end after SIGTERM; then they are cancelled."""
    health_interval: float = 5.0
    """Seconds between two questions whether the service is ready; also the most that an answer may take."""
    max_message_bytes: int = 64 * 2**20
    """The largest request that is read, and the largest answer that is sent; a larger one ends its call with
    RESOURCE_EXHAUSTED. Requests of up to twice as many are held in memory before they are refused."""
    keepalive: float = 60.0
    """Seconds without a sign of life after which a connection is tested; one that stays silent is closed, and
    its calls are cancelled."""
    keepalive_timeout: float = 20.0
    """Seconds that a tested connection has to answer."""
    min_ping_interval: float = 30.0
    """Seconds that a client has to leave between two tests of an idle connection; one that asks more often
    loses its connection."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    log_content: bool = False
    """Whether requests and answers are logged, prompts and workflows with them. For the search of a fault on
    a machine whose logs only you read."""

    def __post_init__(self) -> None:
        """Refuses what cannot work."""
        if self.log_level not in _LEVELS:
            raise SettingsError(f"AUTOFLOW_LOG_LEVEL must be one of: {', '.join(_LEVELS)}")
        for name in ("max_concurrent_rpcs", "max_concurrent_streams", "max_message_bytes"):
            if getattr(self, name) < 1:
                raise SettingsError(f"AUTOFLOW_{name.upper()} must be at least 1")
        if self.max_message_bytes > MOST_MESSAGE_BYTES:
            raise SettingsError(f"AUTOFLOW_MAX_MESSAGE_BYTES must be at most {MOST_MESSAGE_BYTES}")
        for name in (
            "unary_deadline",
            "stream_deadline",
            "health_interval",
            "keepalive",
            "keepalive_timeout",
        ):
            if not getattr(self, name) > 0:
                raise SettingsError(f"AUTOFLOW_{name.upper()} must be more than 0")

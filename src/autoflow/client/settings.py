"""How the client calls."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How often a channel repeats a call that is safe to repeat.

    Only calls that failed with UNAVAILABLE or RESOURCE_EXHAUSTED before their first answer are repeated;
    where the server says when to come again, its word counts instead of the back-off.
    """

    attempts: int = 4
    """The first one included; 2 to 5, which is grpc's own limit."""
    initial_backoff: float = 0.2
    """Seconds before the second attempt, give or take a fifth; doubled each time; at least 0.01."""
    max_backoff: float = 5.0
    """Seconds at most, give or take a fifth; at least 0.01."""

    def __post_init__(self) -> None:
        """Refuses a back-off that rounds to no time at all, for then grpc (1.85) never makes the attempt."""
        if min(self.initial_backoff, self.max_backoff) < 0.01:
            raise ValueError("a back-off must be at least 0.01 s")


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Settings of a client."""

    unary_timeout: float = 30.0
    """Seconds for a call with one request and one answer, its retries included."""
    stream_timeout: float = 600.0
    """Seconds for a call with a stream of requests or answers."""
    retry: RetrySettings = RetrySettings()
    """How often calls are repeated."""
    keepalive: float = 60.0
    """Seconds without a sign of life after which a connection with calls in flight is tested; at least 30."""
    keepalive_timeout: float = 20.0
    """Seconds that a tested connection has to answer; then its calls fail with UNAVAILABLE."""
    max_message_bytes: int = 64 * 2**20
    """The largest answer that is read."""
    caller: str = ""
    """Whom the calls are made for, in at most 64 printable characters of ASCII; empty names nobody. The
    scorer is fair to all of those whose calls share a connection, such as a proxy's."""

    def __post_init__(self) -> None:
        """Refuses a name of the caller that could not be sent."""
        if len(self.caller) > 64 or not (self.caller.isascii() and self.caller.isprintable()):
            raise ValueError("a caller's name has at most 64 printable characters of ASCII")


def channel_options(settings: ClientSettings, repeatable: Iterable[str]) -> list[tuple[str, str | int]]:
    """Returns the options of a channel.

    Args:
        settings: the client's settings.
        repeatable: the full names of the services whose calls are all safe to repeat.
    """
    retry = settings.retry
    config = {
        "methodConfig": [
            {
                "name": [{"service": name} for name in repeatable],
                "retryPolicy": {
                    "maxAttempts": retry.attempts,
                    "initialBackoff": f"{retry.initial_backoff:.3f}s",
                    "maxBackoff": f"{retry.max_backoff:.3f}s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
                },
            }
        ],
        # When most calls fail, no more of them are repeated: the server has enough to do.
        "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
    }
    return [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.keepalive_time_ms", round(settings.keepalive * 1000)),
        # Of grpc's two time-outs for an answer (1.85) this one counts; its own default is a minute.
        ("grpc.http2.ping_timeout_ms", round(settings.keepalive_timeout * 1000)),
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        # A server that was away for long is found again soon; grpc's own limit is two minutes.
        ("grpc.max_reconnect_backoff_ms", 10_000),
        # Addresses come from the deployment, not from whoever runs DNS for it.
        ("grpc.service_config_disable_resolution", 1),
    ]

"""Logs as JSON lines, one object each.

The code logs with the standard library (`logging.getLogger(__name__)`, structured values as `extra`), so that
nothing needs setting up before it may log; only a process's entry point calls `configure`. Inside a call
every line carries `request_id` and `method`. Prompts, answers, workflows and secrets are never logged.
"""

from __future__ import annotations

import logging
from typing import TextIO

import structlog


def configure(level: str, stream: TextIO) -> None:
    """Sends all logs of this process to a stream; whatever handled them before is removed.

    Args:
        level: DEBUG, INFO, WARNING or ERROR.
        stream: where to write.

    Raises:
        ValueError: the level is none of these.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # A line for every request to an endpoint says nothing that our own do not.
    logging.getLogger("httpx2").setLevel(max(logging.getLogger().level, logging.WARNING))

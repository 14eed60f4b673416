"""Logs what calls ask and answer, where `AUTOFLOW_LOG_CONTENT` says so.

Secrets have no place in messages, so none are taken out here: tokens travel in metadata, which is not logged.
"""

from __future__ import annotations

import logging

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

MAX_CHARACTERS = 20_000
"""Of one message; a longer one is cut."""

_log = logging.getLogger(__name__)


def log_content(what: str, message: Message) -> None:
    """Logs a message as JSON.

    Args:
        what: `request` or `answer`.
        message: the message.
    """
    text = MessageToJson(message, preserving_proto_field_name=True, indent=None)
    _log.info(what, extra={"content": text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + "…"})

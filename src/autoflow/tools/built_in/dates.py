"""The date: today, some days before or after, and the day of the week."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from autoflow.suites import ContentType, Tool
from autoflow.tools.built_in.source import CannotDo

_SCHEMA = {
    "type": "object",
    "properties": {
        "date": {
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "description": "YYYY-MM-DD; without it, today",
        },
        "days": {
            "type": "integer",
            "minimum": -1_000_000,
            "maximum": 1_000_000,
            "description": "how many days to go on; back if negative; without it, none",
        },
        "time_zone": {
            "type": "string",
            "maxLength": 64,
            "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$",
            "description": "in which today is meant, such as Europe/Berlin; without it, UTC",
        },
    },
    "additionalProperties": False,
}


class DateTool:
    """The tool; see `BuiltInTool`.

    Args:
        now: the time, with its zone.
    """

    tool = Tool(
        "date",
        "tells a date and its day of the week: today's, or a given one, or so many days before or after it",
        (ContentType.TEXT,),
        ContentType.TEXT,
        arguments_schema=json.dumps(_SCHEMA),
        idempotent=True,
    )

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now

    def __call__(self, *, date: str = "", days: int = 0, time_zone: str = "UTC", **_: Any) -> str:
        """Such as `2026-02-28 Saturday`.

        Raises:
            CannotDo: there is no such day or no such zone.
        """
        day = _day(date) if date else self._now().astimezone(_zone(time_zone)).date()
        try:
            found = day + timedelta(days=days)
        except OverflowError:
            raise CannotDo("the years are 0001 to 9999") from None
        return f"{found.isoformat()} {_WEEKDAYS[found.weekday()]}"


# Not from the locale of this process.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CannotDo(f"there is no day {text}") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise CannotDo(f"there is no time zone {name}; one is named such as Europe/Berlin") from None

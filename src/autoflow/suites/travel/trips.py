"""What is asked for: a trip with its days, people, budget and wishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from autoflow.suites.travel.model import Cuisine, HouseRule, Mode, RoomType


class RoomWish(StrEnum):
    """What sort of accommodation is wanted."""

    ENTIRE_HOME = "entire home"
    PRIVATE_ROOM = "private room"
    SHARED_ROOM = "shared room"
    NOT_SHARED = "not a shared room"

    def grants(self, kind: RoomType) -> bool:
        """Whether such a room is what is wanted."""
        return kind != RoomType.SHARED_ROOM if self is RoomWish.NOT_SHARED else kind == self.value


@dataclass(frozen=True, slots=True)
class Wishes:
    """Preferences, each of which a plan must fulfil; none is by default."""

    room_rule: HouseRule | None = None
    """What every accommodation must allow."""
    room_type: RoomWish | None = None
    cuisines: tuple[Cuisine, ...] = ()
    """Each must be served by a restaurant of the plan, away from home."""
    without: Mode | None = None
    """The way to travel that is not wanted: by flight or self-driving."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip of 3, 5 or 7 days to one, two or three cities."""

    origin: str
    """The city where it begins and ends."""
    destination: str
    """A city where one is visited, else the state whose cities are."""
    visits: int
    """How many cities are visited."""
    first_day: date
    days: int
    people: int
    budget: int
    """Dollars for all people together."""
    wishes: Wishes

    def day(self, number: int) -> date:
        """The date of a day, counted from 1."""
        return self.first_day + timedelta(days=number - 1)

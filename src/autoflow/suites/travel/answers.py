"""The answer that a planner gives: JSON with one object a day, its schema, and how it is read and written.

    {"days": [{"day": 1, "current_city": "from Oakford to Redham",
               "transportation": "Flight F1234 from Oakford to Redham",
               "breakfast": "-", "attraction": "Oak Hall, Redham", "lunch": "-",
               "dinner": "The Merry Ladle, Redham", "accommodation": "Quiet Loft by the Park, Redham"}]}

The reader is strict: it says which field is wrong, and never guesses. Only a Markdown code fence around the
JSON is passed over, with the words around the fence, as long as there is one fence and no other. Whether what
is named exists is not its concern but that of the constraints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from autoflow.errors import InvalidArgument
from autoflow.suites.travel.model import Mode

MAX_ANSWER = 50_000
"""Characters."""
MAX_DAYS = 14
MAX_TEXT = 500
"""Characters of a field."""
NOTHING = "-"
"""What a field holds where nothing is planned."""

_FENCE = re.compile(r"```[ \t]*(?:json)?[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL | re.IGNORECASE)
_JOURNEY = re.compile(r"from (?P<origin>[^,;]+?) to (?P<destination>[^,;]+)")
_TRANSPORTATION = re.compile(
    rf"(?:{Mode.FLIGHT} (?P<number>[^\s,;]+)|(?P<mode>{Mode.SELF_DRIVING}|{Mode.TAXI})) (?P<journey>from .+)"
)

FIELDS = {
    "current_city": "The city of the day, or 'from A to B' on a day of travel.",
    "transportation": "'Flight NUMBER from A to B', 'Self-driving from A to B' or 'Taxi from A to B'; "
    "'-' on a day without travel.",
    "breakfast": "A restaurant as 'NAME, CITY', or '-'.",
    "attraction": "Attractions as 'NAME, CITY', separated by semicolons, or '-'.",
    "lunch": "A restaurant as 'NAME, CITY', or '-'.",
    "dinner": "A restaurant as 'NAME, CITY', or '-'.",
    "accommodation": "Where the night is spent as 'NAME, CITY', or '-'.",
}
"""What each field of a day but its number says, as models are told it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Something that an answer names, in the city where it is said to be."""

    name: str
    city: str

    def __str__(self) -> str:
        return f"{self.name}, {self.city}"


@dataclass(frozen=True, slots=True)
class Journey:
    """From one city to another."""

    origin: str
    destination: str

    def __str__(self) -> str:
        return f"from {self.origin} to {self.destination}"


@dataclass(frozen=True, slots=True)
class Transportation:
    """How a journey is made."""

    mode: Mode
    journey: Journey
    flight: str = ""
    """The number of the flight; empty for other modes."""

    def __str__(self) -> str:
        return " ".join(part for part in (self.mode, self.flight, str(self.journey)) if part)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a plan."""

    day: int
    """Counted from 1."""
    current_city: str | Journey
    transportation: Transportation | None = None
    breakfast: Place | None = None
    attraction: tuple[Place, ...] = ()
    lunch: Place | None = None
    dinner: Place | None = None
    accommodation: Place | None = None

    @property
    def start(self) -> str:
        """Where the day begins."""
        return self.current_city.origin if isinstance(self.current_city, Journey) else self.current_city

    @property
    def end(self) -> str:
        """Where the day ends."""
        return self.current_city.destination if isinstance(self.current_city, Journey) else self.current_city

    @property
    def meals(self) -> tuple[Place, ...]:
        """The restaurants of the day, in order."""
        return tuple(meal for meal in (self.breakfast, self.lunch, self.dinner) if meal)


Plan: TypeAlias = tuple[Day, ...]
"""At least one day."""


def answer_schema() -> dict[str, object]:
    """The JSON schema of an answer, within what strict structured outputs allow."""
    properties: dict[str, object] = {
        "day": {"type": "integer", "description": "The number of the day, from 1."}
    }
    properties |= {name: {"type": "string", "description": text} for name, text in FIELDS.items()}
    return _object(
        {
            "days": {
                "type": "array",
                "description": "The days of the trip, in order.",
                "items": _object(properties),
            }
        }
    )


def write_answer(plan: Plan) -> str:
    """The answer that `read_answer` reads as this plan: one line a day."""
    lines = (json.dumps(_written(day), ensure_ascii=False) for day in plan)
    return '{"days": [\n' + ",\n".join(lines) + "\n]}"


def read_answer(text: str) -> Plan:
    """The plan that an answer says.

    Raises:
        InvalidArgument: it is no answer; `field` names what is wrong, such as `days[2].dinner`.
    """
    if len(text) > MAX_ANSWER:
        raise InvalidArgument("answer", f"an answer has at most {MAX_ANSWER:,} characters")
    document = _parsed(_without_fence(text))
    if not isinstance(document, dict) or document.keys() != {"days"}:
        raise InvalidArgument("answer", "an answer is a JSON object with the one field 'days'")
    days = document["days"]
    if not isinstance(days, list) or not 1 <= len(days) <= MAX_DAYS:
        raise InvalidArgument("days", f"days must be a list of 1 to {MAX_DAYS} objects")
    return tuple(_read_day(day, f"days[{index}]") for index, day in enumerate(days))


def _object(properties: dict[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _written(day: Day) -> dict[str, object]:
    attractions = "; ".join(map(str, day.attraction))
    texts = {name: str(getattr(day, name) or NOTHING) for name in FIELDS}
    return {"day": day.day, **texts, "attraction": attractions or NOTHING}


def _without_fence(text: str) -> str:
    if "```" not in text:
        return text
    fenced = _FENCE.findall(text)
    if len(fenced) != 1 or text.count("```") != 2:
        raise InvalidArgument("answer", "an answer has at most one code fence, around all of the JSON")
    return str(fenced[0])


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as error:
        what = (
            f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "not readable"
        )
        raise InvalidArgument("answer", f"an answer is JSON and nothing else; {what}") from None


def _unrepeated(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        repeated = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise InvalidArgument(
            repeated[:MAX_TEXT], f"the field {repeated[:MAX_TEXT]!r} occurs twice in one object"
        )
    return fields


def _read_day(day: object, path: str) -> Day:
    if not isinstance(day, dict):
        raise InvalidArgument(path, f"{path} must be an object")
    for name in ("day", *FIELDS):
        if name not in day:
            raise InvalidArgument(f"{path}.{name}", f"{path}.{name} is missing")
    if unknown := next((name for name in day if name != "day" and name not in FIELDS), ""):
        raise InvalidArgument(f"{path}.{unknown[:MAX_TEXT]}", f"{path} has no field {unknown[:MAX_TEXT]!r}")
    number = day["day"]
    if type(number) is not int or not 1 <= number <= MAX_DAYS:
        raise InvalidArgument(f"{path}.day", f"{path}.day must be a number from 1 to {MAX_DAYS}")
    texts = {name: _text(day[name], f"{path}.{name}") for name in FIELDS}
    return Day(
        number,
        _current_city(texts["current_city"], f"{path}.current_city"),
        _transportation(texts["transportation"], f"{path}.transportation"),
        _place(texts["breakfast"], f"{path}.breakfast"),
        _places(texts["attraction"], f"{path}.attraction"),
        _place(texts["lunch"], f"{path}.lunch"),
        _place(texts["dinner"], f"{path}.dinner"),
        _place(texts["accommodation"], f"{path}.accommodation"),
    )


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT or not value.isprintable():
        raise InvalidArgument(
            path, f"{path} must be a line of 1 to {MAX_TEXT} characters; {NOTHING!r} is nothing"
        )
    return value.strip()


def _current_city(text: str, path: str) -> str | Journey:
    if text.startswith("from "):
        return _journey(text, path)
    if text == NOTHING or set(text) & set(",;"):
        raise InvalidArgument(path, f"{path} must be the name of a city, or 'from A to B'")
    return text


def _transportation(text: str, path: str) -> Transportation | None:
    if text == NOTHING:
        return None
    if not (found := _TRANSPORTATION.fullmatch(text)):
        raise InvalidArgument(
            path,
            f"{path} must be 'Flight NUMBER from A to B', 'Self-driving from A to B', 'Taxi from A to B' "
            f"or {NOTHING!r}",
        )
    mode = Mode(found["mode"] or Mode.FLIGHT)
    return Transportation(mode, _journey(found["journey"], path), found["number"] or "")


def _journey(text: str, path: str) -> Journey:
    found = _JOURNEY.fullmatch(text)
    if not found or text.count(" to ") > 1:
        raise InvalidArgument(path, f"{path} must say one journey, 'from A to B'")
    return Journey(found["origin"].strip(), found["destination"].strip())


def _places(text: str, path: str) -> tuple[Place, ...]:
    if text == NOTHING:
        return ()
    return tuple(_named(part, path) for part in text.split(";"))


def _place(text: str, path: str) -> Place | None:
    return None if text == NOTHING else _named(text, path)


def _named(text: str, path: str) -> Place:
    name, separator, city = (part.strip() for part in text.rpartition(","))
    if not (separator and name and city) or ";" in text:
        raise InvalidArgument(path, f"{path} must be 'NAME, CITY' or {NOTHING!r}; {text.strip()!r} is not")
    return Place(name, city)

"""The examples of docs/travel.md print what the page shows, and its tables name every constraint."""

from __future__ import annotations

import doctest
import re
from datetime import date
from pathlib import Path

from autoflow.suites.travel import Cuisine, HouseRule, Mode, RoomWish, Trip, Wishes
from autoflow.suites.travel.scoring import COMMONSENSE, hard_constraints

_PAGE = Path(__file__).parents[2] / "docs" / "travel.md"


def test_the_page_shows_what_is_printed() -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    page = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "docs/travel.md", str(_PAGE), 0)
    tried = doctest.DocTestRunner().run(page)
    assert tried.attempted >= 30
    assert tried.failed == 0


def test_the_tables_name_every_constraint() -> None:
    wishes = Wishes(HouseRule.PETS, RoomWish.NOT_SHARED, (Cuisine.THAI,), Mode.FLIGHT)
    trip = Trip("Ada", "Bex", 1, date(2027, 5, 1), 3, 2, 900, wishes)
    checks = [check.__name__ for check in (*COMMONSENSE, *hard_constraints(trip))]
    told = re.findall(r"^\| `(\w+)` \|", _PAGE.read_text(), re.MULTILINE)
    assert told[: len(checks)] == checks

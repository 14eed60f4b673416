"""The examples of docs/travel.md print what the page shows, and its tables name every constraint."""

from __future__ import annotations

import doctest
import json
import re
from datetime import date
from pathlib import Path

from autoflow.errors import InvalidArgument
from autoflow.suites.travel import (
    TRAVEL_TOOLS,
    Cuisine,
    HouseRule,
    Mode,
    RoomWish,
    Trip,
    Wishes,
    travel_database,
)
from autoflow.suites.travel.scoring import COMMONSENSE, hard_constraints
from autoflow.tools.file import read_tools_file

_PAGE = Path(__file__).parents[2] / "docs" / "travel.md"


def test_the_page_shows_what_is_printed() -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    page = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "docs/travel.md", str(_PAGE), 0)
    tried = doctest.DocTestRunner().run(page)
    assert tried.attempted >= 30
    assert tried.failed == 0


def test_the_tools_that_are_shown_answer_so(tmp_path: Path) -> None:
    [shown] = re.findall(r"^```yaml\n(.*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "tools.yaml").write_text(shown)
    assert [source.entry.name for source in read_tools_file(tmp_path / "tools.yaml", {})] == ["travel"]
    database, tools = travel_database(), {tool.name: tool for tool in TRAVEL_TOOLS}
    calls = re.findall(
        r"^\$ autoflow tools call (\w+) --arguments '([^\n]*)'\n(.*?)(?=^\$|^```)",
        _PAGE.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert len(calls) == 2
    for name, arguments, said in calls:
        try:
            found = tools[name].call(database, json.loads(arguments))
        except InvalidArgument as error:
            found = f"autoflow: {error.message}"
        assert found.strip() == said.strip()


def test_the_tables_name_every_constraint() -> None:
    wishes = Wishes(HouseRule.PETS, RoomWish.NOT_SHARED, (Cuisine.THAI,), Mode.FLIGHT)
    trip = Trip("Ada", "Bex", 1, date(2027, 5, 1), 3, 2, 900, wishes)
    checks = [check.__name__ for check in (*COMMONSENSE, *hard_constraints(trip))]
    told = re.findall(r"^\| `(\w+)` \|", _PAGE.read_text(), re.MULTILINE)
    assert told[: len(checks)] == checks

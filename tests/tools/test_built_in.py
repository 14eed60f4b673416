"""The date, and search in documents."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.tools.built_in.dates import DateTool
from autoflow.tools.built_in.search import Search
from autoflow.tools.built_in.source import CannotDo

EVENING = datetime(2026, 2, 27, 23, 30, tzinfo=UTC)
tell = DateTool(lambda: EVENING)


def test_today_is_told_in_the_time_zone_that_is_meant() -> None:
    assert tell() == "2026-02-27 Friday"
    assert tell(time_zone="Europe/Berlin") == "2026-02-28 Saturday"
    assert tell(time_zone="America/New_York", days=-27) == "2026-01-31 Saturday"


@given(st.dates(), st.integers(-10_000, 10_000))
def test_days_are_added_as_the_calendar_has_them(day: date, days: int) -> None:
    try:
        expected = day + timedelta(days=days)
    except OverflowError:
        with pytest.raises(CannotDo, match="0001 to 9999"):
            tell(date=day.isoformat(), days=days)
    else:
        number = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        assert tell(date=day.isoformat(), days=days) == f"{expected} {number[expected.isoweekday() - 1]}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"date": "2026-02-29"}, "there is no day 2026-02-29"),
        ({"time_zone": "Mars/Olympus"}, "there is no time zone Mars/Olympus"),
        ({"time_zone": "../../etc/passwd"}, "there is no time zone"),
        ({"time_zone": "Europe"}, "there is no time zone"),
    ],
)
def test_what_there_is_not(arguments: dict[str, str], words: str) -> None:
    with pytest.raises(CannotDo) as refused:
        tell(**arguments)  # type: ignore[arg-type]
    assert words in str(refused.value)


def test_the_passage_that_fits_best_is_found_first() -> None:
    search = Search(
        {
            "a.md": "The office is in Karl Street.\n\nThe key, the only key, is with the porter.",
            "b.md": "A key opens a door. A door is of wood, of glass or of steel, and some are open all day.",
        }
    )
    assert search(query="KEY", count=1) == "[a.md]\nThe key, the only key, is with the porter."
    assert search(query="key").count("[") == 2
    # A word that is rare counts more than one that is in every passage.
    assert search(query="the porter", count=1).startswith("[a.md]\nThe key")
    assert search(query="submarine") == "nothing was found"
    assert search(query="?!") == "nothing was found"


@given(st.text(), st.text(min_size=1, max_size=50))
def test_passages_are_bounded_and_nothing_of_a_document_is_lost(text: str, query: str) -> None:
    search = Search({"a": text})
    parts = [passage.text for passage in search._passages]
    assert all(0 < len(part) <= 1000 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert len(search(query=query, count=10)) <= 10 * 1010


def test_a_word_without_an_end_is_broken() -> None:
    assert [len(passage.text) for passage in Search({"a": "x" * 2500})._passages] == [1000, 1000, 500]


def test_there_may_be_nothing_to_search() -> None:
    assert Search({"a": ""})(query="key") == "nothing was found"

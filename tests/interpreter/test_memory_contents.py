"""What an answer is: a text, a table or a reference to an image."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow_interpreter.memory.contents import Kind, held
from autoflow_interpreter.memory.entries import Entries

plain = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
cells = plain.filter(lambda cell: "\\" not in cell and "`" not in cell and set(cell) - set(":-"))


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    columns = draw(st.integers(2, 4))
    row = st.lists(cells, min_size=columns, max_size=columns)
    return draw(st.lists(row, min_size=2, max_size=5))


def parsed(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@given(tables())
def test_a_table_in_markdown_becomes_csv_cell_by_cell(rows: list[list[str]]) -> None:
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    for text in ("\n".join(lines), "```markdown\n" + "\n".join(lines) + "\n```"):
        found = held(text)
        assert found.kind is Kind.TABLE
        assert parsed(found.text) == rows
        assert found.summary.startswith(f"table of {len(rows) - 1} row")


@given(tables())
def test_a_table_with_tabs_becomes_csv(rows: list[list[str]]) -> None:
    found = held("\n".join("\t".join(row) for row in rows))
    assert (found.kind, parsed(found.text)) == (Kind.TABLE, rows)


@given(
    st.lists(plain, min_size=2, max_size=4, unique=True),
    st.lists(st.lists(plain | st.integers() | st.booleans(), min_size=4, max_size=4), min_size=1, max_size=4),
)
def test_json_records_become_csv(columns: list[str], rows: list[list[str | int | bool]]) -> None:
    records = [dict(zip(columns, row, strict=False)) for row in rows]
    found = held(json.dumps(records))
    assert found.kind is Kind.TABLE
    assert parsed(found.text) == [
        columns,
        *([cell if isinstance(cell, str) else json.dumps(cell) for cell in r.values()] for r in records),
    ]


@given(st.text())
def test_any_text_is_something_and_a_text_or_csv_is_not_changed(text: str) -> None:
    found = held(text)
    assert "\n" not in found.summary
    if found.kind is Kind.TEXT:
        assert found.text == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "Denoise, then describe.",
        "One, two.\nThree, four.",
        "city,price\nBonn",
        "| a | b |\n|---|---|\n| 1 |",
        "| a | b |\n|---|---|",
        "here it is:\n| a | b |\n|---|---|\n| 1 | 2 |",
        "[1, 2]",
        '[{"a": 1}, {"b": 1}]',
        '[{"a": {"b": 1}}]',
        '[{"a": 1}, 2]',
        "[" * 100_000,
        "a\tb\nc",
    ],
)
def test_what_is_no_table_as_a_whole_stays_as_it_is(text: str) -> None:
    found = held(text)
    assert (found.kind, found.text) == (Kind.TEXT, text)


def test_csv_stays_as_it_is() -> None:
    text = 'city,price\n"Köln, Deutz",4'
    assert held(text).text == text
    assert held(text).summary == "table of 1 row: city, price"


def test_a_summary_names_some_of_many_columns() -> None:
    header = ",".join(f"column{number}" for number in range(12))
    assert held(f"{header}\n{','.join('1' * 12)}").summary.endswith("column7 and 4 more")


def test_an_image_is_its_name_and_equal_images_have_one() -> None:
    assert held("out/fox.PNG").kind is Kind.IMAGE
    data = held(b"\x89PNG...")
    assert (data.kind, data.summary) == (Kind.IMAGE, "image of 7 bytes")
    one, other = held("data:image/png;base64,QUJD"), held("Look: data:image/png;base64,QUJD and more")
    assert one.text in other.text
    assert "QUJD" not in other.text
    assert held("data:image/png;base64,QUJ").text.startswith("image-")


def test_descriptions_say_what_was_asked_and_what_came() -> None:
    entries = Entries()
    long = "List every city that the trip may pass through, with the price of a night in each, " * 3
    first = entries.remember("Step 1", long, "a,b\n1,2\n3,4")
    second = entries.remember("Step 1", "Name it", "noise")
    third = entries.remember("Step 1 #1", "Name it", "noise")
    assert first.description.startswith("List every city that the trip")
    assert first.description.endswith(" … (table of 2 rows: a, b)")
    assert len(first.description) < 160
    assert second.description == "Name it (text of 1 word)"
    assert [entry.key for entry in (first, second, third)] == ["Step 1 #1", "Step 1 #2", "Step 1 #1 #1"]

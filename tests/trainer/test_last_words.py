"""Of a worker's output callers read one line, and nothing that they may not know."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow_trainer.last_words import MAX_CHARACTERS, last_words, secrets_of


def record(level: str, event: str) -> str:
    return json.dumps({"event": event, "level": level, "timestamp": "2026-01-01T00:00:00Z"})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], ""),
        ([record("info", "committed")], ""),
        (
            [record("error", "gave up for now: the scorer is away"), record("info", "stopped")],
            "gave up for now: the scorer is away",
        ),
        (["Traceback …", '  File "x"', "ModuleNotFoundError: No module named 'torch'", ""], None),
        (["  | ValueError: no such thing", "  +------------------------------------"], None),
        (["Traceback …", "MemoryError"], "MemoryError"),
        (["[1, 2]"], "[1, 2]"),
        (["Bus error", "I0000 00:00:1795464.3  123 chttp2.cc:1229] connection: Got goaway [0]"], "Bus error"),
    ],
)
def test_the_words_are_the_last_line_that_tells_of_a_fault(lines: list[str], words: str | None) -> None:
    expected = next(line.strip(" |") for line in lines if "Error:" in line) if words is None else words
    assert last_words("\n".join(lines).encode(), ()) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no such file: /home/me/secret place/x.bin", "no such file: …/secret place/x.bin"),
        ("cannot open '/var/lib/autoflow/trainer.db'", "cannot open '…/trainer.db'"),
        ("GET https://me:pw@example.org/a?b=c failed", "GET https://… failed"),
        ("refused by 10.0.0.7:5432 and db.internal:5432", "refused by … and …"),
        ("refused by [::1]:5432", "refused by …"),
        ("password=hunter2 is wrong", "password= … is wrong"),
        ("header Bearer abc.def is wrong", "header Bearer … is wrong"),
        ("the value is s3cr3t-value", "the value is …"),
        ("a\x1b[2Jb\u202ec", "a[2Jbc"),
        ("in 3 of 4 tasks: 0.25", "in 3 of 4 tasks: 0.25"),
    ],
)
def test_what_callers_may_not_know_is_taken_out(line: str, words: str) -> None:
    assert last_words(line.encode(), ["s3cr3t-value"]) == words


@given(st.binary(max_size=2000))
def test_whatever_a_worker_prints_is_one_short_printable_line(output: bytes) -> None:
    words = last_words(output, ["secret"])
    assert len(words) <= MAX_CHARACTERS
    assert words.isprintable()
    assert "secret" not in words


@given(st.from_regex("[A-Z]{4,20}", fullmatch=True), st.text("abc :/"), st.text("abc :/"))
def test_a_secret_does_not_come_through(secret: str, before: str, after: str) -> None:
    assert secret not in last_words(f"{before}{secret}{after}".encode(), [secret])


def test_variables_whose_names_say_so_are_secret() -> None:
    env = {"A_KEY": "one-1", "AUTOFLOW_RUN_TOKEN": "two-2", "TOKENIZERS_PARALLELISM": "false", "KEY": "x"}
    assert set(secrets_of(env)) == {"one-1", "two-2"}

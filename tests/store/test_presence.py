"""A database that is gone is noticed, whatever an open connection thinks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import make_url

from autoflow.store.presence import Presence


def test_a_file_is_there_while_it_is_the_one_that_was_first_seen(tmp_path: Path) -> None:
    file, aside = tmp_path / "a.db", tmp_path / "aside.db"
    presence = Presence(make_url(f"sqlite+aiosqlite:///{file}"))
    assert not presence.holds()
    file.touch()
    assert presence.holds()
    file.rename(aside)
    assert not presence.holds()
    shutil.copy(aside, file)
    assert not presence.holds()
    aside.rename(file)
    assert presence.holds()


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:", "postgresql://host/db"]
)
def test_what_is_no_file_is_always_there(url: str) -> None:
    assert Presence(make_url(url)).holds()

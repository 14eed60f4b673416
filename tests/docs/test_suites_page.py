"""The examples of docs/suites.md print what the page shows, in a folder with the files that it shows."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

_PAGE = Path(__file__).parents[2] / "docs" / "suites.md"
_FILE = re.compile(
    r"^`(?P<name>my-suite/[\w.]+)`[^\n]*:\n\n```json\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


def test_the_page_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _PAGE.read_text()
    monkeypatch.chdir(tmp_path)
    Path("my-suite/media").mkdir(parents=True)
    files = {found["name"]: found["body"] for found in _FILE.finditer(text)}
    assert sorted(files) == ["my-suite/suite.json", "my-suite/tasks.jsonl"]
    for name, body in files.items():
        Path(name).write_text(body)
    blocks = re.findall(r"^```pycon\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    page = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "docs/suites.md", str(_PAGE), 0)
    tried = doctest.DocTestRunner().run(page)
    assert tried.attempted >= 20
    assert tried.failed == 0

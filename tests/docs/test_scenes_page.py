"""The examples of docs/scenes.md print what the page shows."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

_PAGE = Path(__file__).parents[2] / "docs" / "scenes.md"


def test_the_page_shows_what_is_printed() -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    page = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "docs/scenes.md", str(_PAGE), 0)
    tried = doctest.DocTestRunner().run(page)
    assert tried.attempted >= 15
    assert tried.failed == 0

"""The examples of docs/suites.md print what the page shows, in a folder with the files that it shows."""

from __future__ import annotations

import asyncio
import doctest
import re
import runpy
from pathlib import Path

import pytest

from autoflow.suites.loading import load_own
from autoflow.suites.scenes import draw, scene
from autoflow.testing import CoroutineLauncher
from tests.trainer.harness import trainer

_PAGE = Path(__file__).parents[2] / "docs" / "suites.md"
_FILE = re.compile(
    r"^`(?P<name>my-suite/[\w.]+)`[^\n]*:\n\n```json\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page, in a folder with its files."""
    text = _PAGE.read_text()
    monkeypatch.chdir(tmp_path)
    Path("my-suite/media").mkdir(parents=True)
    files = {found["name"]: found["body"] for found in _FILE.finditer(text)}
    assert sorted(files) == ["my-suite/suite.json", "my-suite/tasks.jsonl"]
    for name, body in files.items():
        Path(name).write_text(body)
    return text


def test_the_page_shows_what_is_printed(page: str) -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "docs/suites.md", str(_PAGE), 0)
    tried = doctest.DocTestRunner().run(examples)
    assert tried.attempted >= 20
    assert tried.failed == 0
    # Whoever has followed the page can go on: the suite is as it was.
    assert load_own(Path("my-suite")).digest.removeprefix("sha256:") in page


async def test_the_program_that_creates_the_suite_gets_the_name_that_the_page_shows(
    page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in ((15, "meadow"), (16, "other")):
        draw(scene(number)).save(f"my-suite/media/{name}.png")
    (program,) = re.findall(r"^```python\n([^`]*SuiteRequests.*?)^```$", page, re.MULTILINE | re.DOTALL)
    async with trainer(tmp_path / "trainer", CoroutineLauncher()) as service:
        (tmp_path / "page.py").write_text(program.replace("127.0.0.1:50054", service.address))
        await asyncio.to_thread(runpy.run_path, str(tmp_path / "page.py"))
    assert capsys.readouterr().out.strip() in re.findall(r"^suites/[0-9a-f]{64}$", page, re.MULTILINE)

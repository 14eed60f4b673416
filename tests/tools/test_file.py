"""The file that names the sources: what it refuses, with field and line, and without what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoflow.settings import SettingsError
from autoflow.tools.file import read_tools_file

SECRET = "sk_live_0123456789"


def read(folder: Path, text: str, **env: str) -> str:
    """What is wrong with a file."""
    file = folder / "tools.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as refused:
        read_tools_file(file, env)
    words = str(refused.value)
    assert words.startswith(f"AUTOFLOW_TOOLS_FILE: {file}: ")
    assert SECRET not in words
    return words.removeprefix(f"AUTOFLOW_TOOLS_FILE: {file}: ")


def test_a_whole_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("The key is with the porter.")
    file = tmp_path / "tools.yaml"
    file.write_text(
        """
sources:
  - name: theirs
    tool_service: {address: "tools:50061"}
    tools: [shout]
  - name: files
    mcp:
      command: mcp-files
      args: [--read-only]
      env: {API_TOKEN: FILES_TOKEN}
  - name: web
    mcp:
      url: https://example.org/mcp
      headers: {Authorization: WEB_AUTHORIZATION}
  - name: own
    built_in: [calculator, search]
    documents: [notes.md]
"""
    )
    theirs, files, web, own = read_tools_file(
        file, {"FILES_TOKEN": SECRET, "WEB_AUTHORIZATION": f"Bearer {SECRET}"}
    )
    assert theirs.entry.tools == frozenset({"shout"})
    assert files.secrets == {"API_TOKEN": SECRET}
    assert web.secrets == {"Authorization": f"Bearer {SECRET}"}
    assert own.documents == {"notes.md": "The key is with the porter."}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sources: []", "there are 1 to 16 sources"),
        ("sources:\n  - name: own\n    kind: mcp\n", "sources.0.kind (line 3): Extra inputs"),
        ("sources:\n  - name: own\n", "sources.0 (line 2): it has one of: tool_service, mcp, built_in"),
        (
            "sources:\n  - name: own\n    built_in: [date]\n    mcp: {url: 'http://a/'}\n",
            "sources.0 (line 2): it has one of",
        ),
        ("sources:\n  - {name: Own, built_in: [date]}\n", "sources.0.name (line 2): "),
        ("sources:\n  - {name: own, built_in: [shell]}\n", "sources.0.built_in.0 (line 2): "),
        (
            "sources:\n  - {name: a, built_in: [date]}\n  - {name: a, built_in: [date]}\n",
            "two sources have the same name",
        ),
        ("sources:\n  - {name: a, built_in: [search]}\n", "documents and the built-in search go together"),
        (
            "sources:\n  - name: a\n    mcp: {args: [b]}\n",
            "sources.0.mcp (line 3): it has a command or a url",
        ),
        (
            "sources:\n  - name: a\n    mcp:\n      command: b\n      url: http://a/\n",
            "sources.0.mcp (line 4): it has a command or a url",
        ),
        ("sources:\n  - name: a\n    mcp: {command: b, headers: {A: B}}\n", "headers go with a url"),
        (
            f"sources:\n  - name: a\n    mcp:\n      url: https://user:{SECRET}@a/\n",
            "sources.0.mcp.url (line 4): a URL here holds no user, password, query or fragment",
        ),
        (
            f"sources:\n  - name: a\n    mcp:\n      url: https://a/\n      headers: {{A: B {SECRET}}}\n",
            "sources.0.mcp.headers.A (line 5): String should match",
        ),
        (
            f"sources:\n  - name: a\n    mcp:\n      command: b\n      env:\n        TOKEN: {SECRET}\n",
            "sources.0.mcp.env.TOKEN (line 6): the variable that it names is not set",
        ),
        (
            "sources:\n  - name: a\n    built_in: [search]\n    documents:\n      - away.md\n",
            "sources.0.documents.0 (line 5): it cannot be read as a text",
        ),
        ("sources:\n  - {name: a, name: b}\n", "a key is there twice (line 2, column 15)"),
        ("sources: {", "it is not YAML (line 1"),
        (
            "sources:\n  - {name: a, tool_service: {address: nowhere}}\n",
            "sources.0.tool_service.address (line 2): ",
        ),
    ],
)
def test_what_is_wrong_is_told_with_field_and_line(tmp_path: Path, text: str, words: str) -> None:
    assert words in read(tmp_path, text)


def test_a_variable_that_cannot_be_sent_is_refused(tmp_path: Path) -> None:
    text = "sources:\n  - name: a\n    mcp: {url: 'https://a/', headers: {A: TOKEN}}\n"
    for value in (f"{SECRET}\n", f"{SECRET}é"):
        assert "cannot be sent" in read(tmp_path, text, TOKEN=value)


def test_documents_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"x" * 3 * 2**20)
    text = "sources:\n  - name: a\n    built_in: [search]\n    documents: [a.md, a.md]\n"
    assert "sources.0.documents (line 4): they have more than 4194304 bytes" in read(tmp_path, text)
    (tmp_path / "a.md").write_bytes(b"\xff")
    assert "cannot be read as a text in UTF-8" in read(tmp_path, text)

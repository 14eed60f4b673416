"""The workflows of an evaluation, by the names that people give or that their files have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.source import STDIN, read_source
from autoflow.suites import workflow_text

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_TAKEN = frozenset({"best", "control", "ceiling", "reference"})
"""Names that reports use."""

_ADVICE = "say NAME=FILE to call it otherwise"
_RULE = "a small letter, then small letters, digits, - and _"


def named_workflows(files: Sequence[str], built_in: Sequence[str]) -> dict[str, str]:
    """Texts by name, the built-in ones first.

    Args:
        files: each `FILE`, which is called as the file is without its suffix, or `NAME=FILE`.
        built_in: names of hand-written workflows.

    Raises:
        CommandFailed: a file cannot be read, or a name cannot be one or is another one's, too.
        NotFound: there is no hand-written workflow of that name.
    """
    texts = {name: workflow_text(name) for name in built_in}
    if len(texts) < len(built_in):
        twice = next(name for name in texts if built_in.count(name) > 1)
        raise CommandFailed(f"--with {twice}: it is given more than once", ExitCode.USAGE)
    for argument in files:
        name, file = _split(argument)
        if name in texts:
            raise CommandFailed(f"{argument}: two workflows are called {name!r}; {_ADVICE}", ExitCode.USAGE)
        texts[name] = read_source(file)
    if not texts:
        raise CommandFailed("no workflow is given: name files, or built-in ones by --with", ExitCode.USAGE)
    return texts


def _split(argument: str) -> tuple[str, str]:
    name, separator, file = argument.partition("=")
    if not file and separator:
        raise CommandFailed(f"{argument}: it reads NAME=FILE", ExitCode.USAGE)
    if not separator:
        file = argument
        name = "stdin" if file == STDIN else re.sub(r"[^a-z0-9_-]+", "-", Path(file).stem.lower())
    if not _NAME.fullmatch(name):
        raise CommandFailed(f"{argument}: {name!r} is no name ({_RULE}); {_ADVICE}", ExitCode.USAGE)
    if name in _TAKEN:
        raise CommandFailed(f"{argument}: reports use the name {name!r} already; {_ADVICE}", ExitCode.USAGE)
    return name, file

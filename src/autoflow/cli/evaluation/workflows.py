"""The workflows of a run, by the names that people give or that their files have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.registered import registered_version
from autoflow.cli.source import STDIN, is_registered, read_source
from autoflow.suites import workflow_text

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_TAKEN = frozenset({"best", "control", "ceiling", "reference"})
"""Names that reports use."""

_ADVICE = "say NAME=FILE to call it otherwise"
_RULE = "a small letter, then small letters, digits, - and _"


async def named_workflows(
    files: Sequence[str], built_in: Sequence[str], registry: str, *, least: int = 1
) -> dict[str, str]:
    """Texts by name, the built-in ones first.

    Args:
        files: each `FILE`, which is called as the file is without its suffix, or `NAME=FILE`; a registered
            workflow, such as `planner@3`, may stand for a file, and is called `planner-3`.
        built_in: names of hand-written workflows.
        registry: address of the generator that keeps the registered ones; it is asked only for those.
        least: workflows that there must be.

    Raises:
        CommandFailed: a file cannot be read, a name cannot be one or is another one's, too, there are too
            few, or no registry answers.
        NotFound: there is no hand-written or registered workflow of that name.
    """
    texts = {name: workflow_text(name) for name in built_in}
    if len(texts) < len(built_in):
        twice = next(name for name in texts if built_in.count(name) > 1)
        raise CommandFailed(f"--with {twice}: it is given more than once", ExitCode.USAGE)
    for argument in files:
        name, file = _split(argument)
        if name in texts:
            raise CommandFailed(f"{argument}: two workflows are called {name!r}; {_ADVICE}", ExitCode.USAGE)
        texts[name] = await _text(file, registry)
    if len(texts) < least:
        told = (
            "there is one workflow, and a comparison takes two or more"
            if texts
            else "no workflow is given: name files, registered ones (planner@3), or built-in ones by --with"
        )
        raise CommandFailed(told, ExitCode.USAGE)
    return texts


async def _text(file: str, registry: str) -> str:
    if is_registered(file):
        return (await registered_version(registry, file, "registry")).workflow.source
    return read_source(file)


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

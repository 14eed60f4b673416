"""What the command line itself is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """Settings of the commands; the others of their variables are those of services."""

    data: str = ""
    """The folder of `autoflow up` and of `autoflow backup`, where their option `--data` names none. Default:
    `autoflow` below `XDG_DATA_HOME`, or below `~/.local/share`."""
    debug: bool = False
    """Whether an error that a command did not expect shows its traceback."""

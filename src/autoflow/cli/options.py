"""Options that several commands share."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.methods import Method, Reward

JsonOption = Annotated[bool, typer.Option("--json", metavar="", help="Write JSON to standard output.")]

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="AUTOFLOW_DATA",
        file_okay=False,
        help="Folder for runs, adapters and logs. [default: ~/.local/share/autoflow]",
    ),
]


def data_folder(given: Path | None) -> Path:
    """The folder of the state: what `DataOption` was given, else the user's own."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return given or Path(base) / "autoflow"


def require_place(file: Path) -> None:
    """Refuses a file, given by `--out`, that has no folder, before anything is done for it.

    Raises:
        CommandFailed: there is no such folder.
    """
    if not file.absolute().parent.is_dir():
        raise CommandFailed(f"--out {file}: there is no such folder", ExitCode.USAGE)


def given(ctx: typer.Context, parameter: str) -> bool:
    """Whether the command line itself gives a parameter, and not the environment or a default."""
    source = ctx.get_parameter_source(parameter)
    # The type of sources is private to Typer.
    return source is not None and source.name == "COMMANDLINE"


TRAINER = "127.0.0.1:50054"
"""Where `autoflow up` puts the trainer."""

TrainerOption = Annotated[
    str,
    typer.Option(
        "--trainer", metavar="HOST:PORT", envvar="AUTOFLOW_TRAINER_ADDRESS", help="Address of the trainer."
    ),
]

GENERATOR = "127.0.0.1:50051"
"""Where `autoflow up` puts the generator."""

GeneratorOption = Annotated[
    str,
    typer.Option(
        "--generator",
        metavar="HOST:PORT",
        envvar="AUTOFLOW_GENERATOR_ADDRESS",
        help="Address of the generator, which keeps the registry.",
    ),
]

RegistryOption = Annotated[
    str,
    typer.Option(
        "--registry",
        metavar="HOST:PORT",
        envvar="AUTOFLOW_GENERATOR_ADDRESS",
        help="Address of the generator that keeps registered workflows.",
    ),
]

INTERPRETER = "127.0.0.1:50052"
"""Where `autoflow up` puts the interpreter."""

InterpreterOption = Annotated[
    str,
    typer.Option(
        "--interpreter",
        metavar="HOST:PORT",
        envvar="AUTOFLOW_INTERPRETER_ADDRESS",
        help="Address of the interpreter.",
    ),
]

ScorerOption = Annotated[
    str | None,
    typer.Option(
        "--scorer",
        metavar="HOST:PORT",
        envvar="AUTOFLOW_SCORER_ADDRESS",
        help="Address of a scorer. Without it, one runs inside this command.",
    ),
]

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run: `runs/<id>`, or the id alone.")]

ExecutionArgument = Annotated[
    str, typer.Argument(metavar="EXECUTION", help="The execution: `executions/<id>`, or the id alone.")
]

SeedOption = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of every random choice.")]


class FolderFormat(StrEnum):
    """The form of a suite's folder."""

    OWN = "own"
    OPENAGI = "openagi"


MODEL = "embedded"
"""The model that every installation knows."""

SUITE = "planning"
"""The suite that every installation knows."""


DEFAULT_METHOD = Method.RLOO

SplitOption = Annotated[
    Literal["train", "validation", "test"],
    typer.Option("--split", help="Whose tasks; openings of the test split are counted."),
]
SuiteOption = Annotated[str, typer.Option("--suite", help="The suite: `suites/<id>`, or the id.")]
BudgetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--budget",
        metavar="NAME=VALUE",
        help="What the run may spend: `executions`, `calls`, `tokens` (`20k`, `1m`), `usd` (`2.50`) and "
        "`time` (`90s`, `30m`, `2h`); comma-separated, may be repeated. [default: no limit]",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", dir_okay=False, help="Save a page to look at, in HTML."),
]
LocalOption = Annotated[bool, typer.Option("--local", metavar="", help="Start all services in this command.")]
DetachOption = Annotated[
    bool, typer.Option("--detach", metavar="", help="Print the run's name and leave it to the trainer.")
]


def refuse_place_of_both(ctx: typer.Context, *, local: bool, detach: bool = False) -> None:
    """Refuses options of a trainer beside --local, and the other way round.

    Raises:
        CommandFailed: they contradict each other.
    """
    if local and given(ctx, "trainer"):
        reason = "--local is without a trainer: leave out one of --local, --trainer"
        raise CommandFailed(reason, ExitCode.USAGE)
    if local and detach:
        reason = "--detach leaves a run to a trainer, and with --local there is none when the command ends"
        raise CommandFailed(reason, ExitCode.USAGE)
    if not local and given(ctx, "data"):
        raise CommandFailed("--data is for --local: a trainer has a folder of its own", ExitCode.USAGE)


RewardOption = Annotated[
    Reward | None,
    typer.Option(
        "--reward",
        help="What counts: how plans look, what they make, or what the suite's judge says. "
        "[default: what suits suite and command]",
        show_default=False,
    ),
]
MethodOption = Annotated[
    Method,
    typer.Option(
        "--method",
        help="How to search: `history`, `reflective`, `random` take any model; the others train an adapter.",
    ),
]

"""What holds for the whole command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

from autoflow import __version__
from autoflow.cli import app
from autoflow.cli.console import one_line, printable
from autoflow.cli.exits import EXIT_HELP, CommandFailed, ExitCode, failure
from autoflow.client import errors as rpc
from autoflow.errors import InvalidArgument, NotFound, ResourceExhausted
from autoflow.settings import SettingsError
from tests.cli.harness import environment

COMMANDS = (
    "demo",
    "up",
    "lint",
    "show",
    "execute",
    "score",
    "metrics list",
    "optimize",
    "compare",
    "matrix",
    "evaluate",
    "runs list",
    "runs show",
    "runs watch",
    "runs cancel",
    "suites create",
    "suites list",
    "suites show",
)


def loaded_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_command_line_loads_nothing_that_is_slow() -> None:
    loaded = loaded_after("import autoflow.cli")
    assert not loaded & {"torch", "matplotlib", "numpy", "grpc", "google.protobuf", "structlog", "sqlalchemy"}


@pytest.mark.parametrize(
    "module",
    [
        "autoflow.cli.demo.command",
        "autoflow.cli.execution.command",
        "autoflow.cli.metrics.scores",
        "autoflow.cli.runs.commands",
        "autoflow.cli.suites.commands",
    ],
)
def test_no_command_loads_torch_or_matplotlib_before_it_needs_them(module: str) -> None:
    assert not loaded_after(f"import {module}") & {"torch", "matplotlib", "transformers"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_speaks_json(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "100"})
    assert result.exit_code == 0
    assert "--json" in result.stdout


def test_the_exit_statuses_are_documented() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "400"})
    assert EXIT_HELP in result.stdout
    for code in ExitCode:
        assert re.search(rf"\b{code.value} ", EXIT_HELP)


def test_the_version_is_the_distribution_s() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"{__version__}\n"


def test_an_unknown_command_is_wrong_usage() -> None:
    assert CliRunner().invoke(app, ["improve"]).exit_code == 2


@pytest.mark.parametrize("arguments", [["lint", "-"], ["lint", "--json", "-"], ["show", "-"]])
def test_a_reader_that_has_left_gets_no_traceback(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "autoflow.cli", *arguments],
            input=b"Step 1:::terminal:::" + b"a" * 90_000 + b":::",
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def errors() -> Iterator[tuple[Exception, ExitCode, str]]:
    details = rpc.ErrorDetails(violations=(rpc.FieldViolation("query", "is empty"),), request_id="r1")
    yield CommandFailed("no", ExitCode.NOT_OK), ExitCode.NOT_OK, "no"
    yield rpc.NotFound("/a.B/GetRun", "no run", rpc.ErrorDetails()), ExitCode.USAGE, "GetRun: no run"
    yield (
        rpc.InvalidArgument("/a.B/C", "bad", details),
        ExitCode.USAGE,
        "C: bad (request r1); query: is empty",
    )
    yield (
        rpc.InvalidArgument("/a.B/C", "query: is empty", details),
        ExitCode.USAGE,
        "C: query: is empty (request r1)",
    )
    yield rpc.Unavailable("/a.B/C", "gone", rpc.ErrorDetails()), ExitCode.UNAVAILABLE, "C: gone"
    yield (
        rpc.Internal("/a.B/C", "internal error", rpc.ErrorDetails()),
        ExitCode.UNAVAILABLE,
        "C: internal error",
    )
    yield NotFound("no suite"), ExitCode.USAGE, "no suite"
    yield InvalidArgument("query", "is empty"), ExitCode.USAGE, "is empty"
    yield ResourceExhausted("full", 1.0), ExitCode.UNAVAILABLE, "full"
    yield SettingsError("AUTOFLOW_X is not set"), ExitCode.USAGE, "AUTOFLOW_X is not set"
    yield OSError("cannot listen"), ExitCode.UNAVAILABLE, "cannot listen"
    yield TimeoutError(), ExitCode.UNAVAILABLE, "it took too long"
    yield (
        ModuleNotFoundError("No module named 'structlog'", name="structlog"),
        ExitCode.UNAVAILABLE,
        "structlog is not installed: pip install 'autoflow-services[all]'",
    )


@pytest.mark.parametrize(("error", "code", "message"), list(errors()))
def test_what_can_be_expected_has_a_line_and_a_status(error: Exception, code: ExitCode, message: str) -> None:
    failed = failure(error)
    assert failed is not None
    assert (failed.code, failed.message) == (code, message)


def test_what_nobody_expects_is_nobody_s_to_explain() -> None:
    assert failure(ZeroDivisionError()) is None
    assert failure(BrokenPipeError(32, "Broken pipe")) is None


@pytest.fixture
def failing() -> typer.Typer:
    """The command line's own error handling around a command that fails."""
    group = typer.Typer(cls=app.info.cls, pretty_exceptions_enable=False)

    @group.command("fail")
    def fail() -> None:
        raise ZeroDivisionError("by\x1b[2J\nzero")

    @group.command("other")
    def other() -> None:
        raise CommandFailed("not\nso", ExitCode.UNAVAILABLE)

    return group


def test_a_fault_is_told_in_one_printable_line(failing: typer.Typer) -> None:
    result = CliRunner().invoke(failing, ["fail"])
    assert result.exit_code == ExitCode.FAULT
    assert result.stderr == (
        r"autoflow: a fault of its own, ZeroDivisionError: by\x1b[2J zero (AUTOFLOW_DEBUG=1 shows where)"
        + "\n"
    )


def test_a_fault_has_a_traceback_for_those_who_ask(failing: typer.Typer) -> None:
    result = CliRunner().invoke(failing, ["fail"], env={"AUTOFLOW_DEBUG": "1"})
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_failure_is_told_in_one_line(failing: typer.Typer) -> None:
    result = CliRunner().invoke(failing, ["other"])
    assert (result.exit_code, result.stderr) == (3, "autoflow: not so\n")


def test_text_that_could_act_on_a_terminal_is_shown_as_escapes() -> None:
    assert printable("a\tb\nc") == "a\tb\nc"
    assert printable("\x1b[2J\x9b\u202e\udcff") == r"\x1b[2J\x9b\u202e\udcff"
    assert printable("Grüße, 世界 🙂") == "Grüße, 世界 🙂"
    assert one_line(" a\n\n b\r\x1b ") == r"a b \x1b"

"""What a run may spend, as people write it: `executions=500,usd=2,time=30m`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.v1 import run_pb2

_COUNT = re.compile(r"(\d{1,12})([km]?)")
_TIME = re.compile(r"(\d{1,7})([smh])")
_USD = re.compile(r"\d{1,9}(\.\d{1,6})?")
_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}
_SECONDS = {"s": 1, "m": 60, "h": 3_600}


def read_budget(given: Sequence[str]) -> run_pb2.Budget | None:
    """What was given by `--budget`.

    Args:
        given: the option's values.

    Returns:
        The limits; None where none is given.

    Raises:
        CommandFailed: a part is none that a budget has, is given twice, or has no such value.
    """
    budget = run_pb2.Budget()
    named: set[str] = set()
    for name, value in _parts(given):
        if name not in _PARTS:
            parts = ", ".join(f"`{part}`" for part in _PARTS)
            raise CommandFailed(f"--budget {name}: a budget has {parts}", ExitCode.USAGE)
        if name in named:
            raise CommandFailed(f"--budget {name}: it is given twice", ExitCode.USAGE)
        named.add(name)
        _PARTS[name](budget, value)
    return budget if named else None


def _parts(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    for part in (part.strip() for text in given for part in text.split(",")):
        name, separator, value = part.partition("=")
        if not separator or not value:
            raise CommandFailed(f"--budget {part}: it reads NAME=VALUE, such as tokens=20k", ExitCode.USAGE)
        yield name.strip(), value.strip().lower()


def _count(field: str) -> Callable[[run_pb2.Budget, str], None]:
    def read(budget: run_pb2.Budget, value: str) -> None:
        found = _COUNT.fullmatch(value)
        number = int(found[1]) * _FACTORS[found[2]] if found else 0
        _require(field.removeprefix("max_"), value, number > 0, "a number above 0, such as 500, 20k or 1m")
        setattr(budget, field, number)

    return read


def _usd(budget: run_pb2.Budget, value: str) -> None:
    amount = float(value) if _USD.fullmatch(value) else 0.0
    _require("usd", value, amount > 0, "US dollars above 0, such as 2.50")
    budget.max_cost_usd = amount


def _time(budget: run_pb2.Budget, value: str) -> None:
    found = _TIME.fullmatch(value)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    _require("time", value, seconds > 0, "a time above 0, such as 90s, 30m or 2h")
    budget.max_wall_time.FromTimedelta(timedelta(seconds=seconds))


def _require(name: str, value: str, good: bool, what: str) -> None:
    if not good:
        raise CommandFailed(f"--budget {name}={value}: it takes {what}", ExitCode.USAGE)


_PARTS: dict[str, Callable[[run_pb2.Budget, str], None]] = {
    "executions": _count("max_executions"),
    "calls": _count("max_llm_calls"),
    "tokens": _count("max_tokens"),
    "usd": _usd,
    "time": _time,
}

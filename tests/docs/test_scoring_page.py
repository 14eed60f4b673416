"""The examples of docs/scoring.md run and print what it shows, and what it names is there."""

from __future__ import annotations

import asyncio
import json
import re
import runpy
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from autoflow.images import FORMATS, ImageLimits
from autoflow.settings import PREFIX
from autoflow.telemetry import Instrument, Kind
from autoflow.testing import serving
from autoflow_scorer import build, observing
from autoflow_scorer.metrics.catalogue import read_metrics
from autoflow_scorer.settings import ScorerSettings
from tests.cli.harness import autoflow

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "scoring.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)


async def test_the_page_is_a_program_that_prints_what_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(build({"AUTOFLOW_SCORER_DEVICE": "cpu"})) as address:
        program = "\n".join(_blocks("python")).replace("127.0.0.1:50053", address)
        (tmp_path / "page.py").write_text(f"{program}\nclient.close()\n")
        await asyncio.to_thread(runpy.run_path, str(tmp_path / "page.py"))

    assert capsys.readouterr().out.splitlines() == "".join(_blocks("text")).splitlines()


async def test_the_command_prints_what_it_shows() -> None:
    (shown,) = _blocks("console")
    command, note, *table = shown.splitlines()
    finished = await autoflow(*shlex.split(command)[2:])
    assert finished.out.splitlines() == table
    assert finished.err.splitlines()[0] == note


def test_every_setting_is_explained() -> None:
    variables = {f"{PREFIX}{field.name.upper()}" for field in fields(ScorerSettings)}
    assert variables == set(re.findall(rf"`({PREFIX}\w+)`", _PAGE))


def test_every_instrument_is_explained() -> None:
    endings = {Kind.COUNTER: "_total", Kind.GAUGE: "", Kind.HISTOGRAM: ""}
    instruments = [value for value in vars(observing).values() if isinstance(value, Instrument)]
    names = {
        each.name.replace(".", "_") + ("_seconds" if each.unit == "s" else "") + endings[each.kind]
        for each in instruments
    }
    assert names == set(re.findall(r"`(autoflow_scorer_\w+)`", _PAGE))


async def test_every_metric_is_explained() -> None:
    shipped = {spec.name for spec in read_metrics("")}
    table = re.search(r"(?:^\|.*\n)+", _PAGE.partition("## The metrics\n")[2], re.MULTILINE)
    assert table is not None
    named = {name for line in table[0].splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == shipped | {"exact", "rougeL", "chrf", "plan_valid", "plan_exact", "plan_f1"}


def test_the_limits_on_pictures_are_those_of_the_code() -> None:
    limits = ImageLimits()
    assert f"{limits.max_side:,} on a side" in _PAGE
    assert f"one side at most {limits.max_ratio} times the other" in _PAGE
    assert all(re.search(rf"\b{name}\b", _PAGE, re.IGNORECASE) for name in FORMATS)


def test_the_files_it_shows_are_read(tmp_path: Path) -> None:
    (shown,) = _blocks("yaml")
    (tmp_path / "metrics.yaml").write_text(shown)
    by_name = {spec.name: spec for spec in read_metrics(str(tmp_path / "metrics.yaml"))}
    assert (by_name["bertscore"].source, by_name["bertscore"].layer) == ("FacebookAI/roberta-large", 17)

    example = _ROOT / "examples" / "metrics.yaml"
    listed = yaml.safe_load(example.read_text())["metrics"]
    assert listed.keys() <= {spec.name for spec in read_metrics(str(example))}
    (baseline,) = _blocks("json")
    assert json.loads(baseline)["layers"][3].keys() == {"precision", "recall", "f1"}

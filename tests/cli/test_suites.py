"""`autoflow suites` against a real trainer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from autoflow.cli.console import Output
from autoflow.cli.options import FolderFormat
from autoflow.cli.suites.commands import create_suite, list_suites, show_suite
from autoflow.suites import Split
from autoflow.suites.loading import load_own
from autoflow.testing.launcher import CoroutineLauncher
from tests.cli.harness import autoflow, called
from tests.suites.openagi_folder import descriptions, write
from tests.trainer.harness import Trainer, optimization, trainer
from tests.trainer.suites import folder


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Trainer]:
    async with trainer(tmp_path / "trainer", CoroutineLauncher()) as running:
        yield running


async def test_a_suite_is_created_listed_and_shown(
    service: Trainer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = folder(tmp_path / "own")
    created = await autoflow("suites", "create", str(own), "--trainer", service.address)
    name = created.out.strip()
    assert created.code == 0
    assert name == "suites/" + load_own(own).digest.removeprefix("sha256:")
    assert created.err == f"`autoflow suites show {name} --trainer {service.address}` shows it\n"

    listed = await called(list_suites(service.address, 20, Output()), capsys)
    first, _, second, *_, last = listed.out.splitlines()
    assert first == "planning  255 train, 75 validation, 150 test; never opened; built in"
    assert second == "travel  90 train, 36 validation, 54 test; never opened; built in"
    assert last == f"  {name}"
    few = await called(list_suites(service.address, 1, Output(json=True)), capsys)
    assert [suite["name"] for suite in few.document["suites"]] == ["suites/planning"]

    shown = await called(show_suite(service.address, name, Output()), capsys)
    assert "2 train, 2 validation, 2 test" in shown.out
    assert "Image Captioning    image  text" in shown.out
    assert "rewarded by  plans, accepted ones or what they make" in shown.out
    travel = await called(show_suite(service.address, "travel", Output()), capsys)
    assert "rewarded by  a judge of its own, by constraints" in travel.out
    assert "flight_search         text   text   a step, with arguments" in travel.out
    # An id alone is a name, too.
    known = await called(show_suite(service.address, "planning", Output(json=True)), capsys)
    assert (known.document["name"], known.document["test_openings"]) == ("suites/planning", 0)


async def test_whoever_watches_sees_how_far_it_is(service: Trainer, tmp_path: Path) -> None:
    screen = StringIO()
    output = Output(err=Console(file=screen, force_terminal=True, width=80))
    await create_suite(service.address, folder(tmp_path / "own"), FolderFormat.OWN, None, output)
    assert "Sending tasks" in screen.getvalue()
    assert "6/6" in screen.getvalue()


async def test_what_is_wrong_with_a_folder_is_told_by_file_and_line(tmp_path: Path) -> None:
    own = folder(tmp_path / "own")
    lines = (own / "tasks.jsonl").read_text().splitlines()
    broken = json.loads(lines[1]) | {"plans": [["Sentiment Analysis"]]}
    (own / "tasks.jsonl").write_text("\n".join([lines[0], json.dumps(broken)]))
    finished = await autoflow("suites", "create", str(own), "--trainer", "127.0.0.1:1")
    assert finished.code == 2
    assert finished.error.startswith(
        "autoflow: tasks.jsonl, line 2: the plan Sentiment Analysis does not lead"
    )


@pytest.mark.parametrize("samples", [None, 2])
async def test_openagis_folder_is_sent_too(
    service: Trainer, tmp_path: Path, capsys: pytest.CaptureFixture[str], samples: int | None
) -> None:
    lines = [descriptions()[number] for number in (3, 18, 105, 107, 119, 180)]
    root = tmp_path / "openagi"
    write(root, lines, samples=12)
    (root / "task_description.txt").write_text("\n".join([*lines[:-1], "Dance the tango."]))
    sent = create_suite(service.address, root, FolderFormat.OPENAGI, samples, Output(json=True))
    finished = await called(sent, capsys)
    assert finished.code == 0, finished.err
    assert "left out: task_description.txt, line 6" in finished.err
    assert finished.document["title"] == "openagi"
    counted = [finished.document[f"{split}_tasks"] for split in Split]
    assert sum(counted) == 5


async def test_more_samples_than_are_allowed_are_told(
    service: Trainer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = folder(tmp_path / "own")
    lines = (own / "tasks.jsonl").read_text().splitlines()
    many = json.loads(lines[0])
    many["samples"] *= 40
    (own / "tasks.jsonl").write_text("\n".join([json.dumps(many), *lines[1:]]))
    all_of_them = create_suite(service.address, own, FolderFormat.OWN, None, Output())
    refused = await called(all_of_them, capsys)
    assert (refused.code, "the task 'mood-0' has more than 64 samples" in refused.error) == (2, True)
    some = await called(create_suite(service.address, own, FolderFormat.OWN, 64, Output()), capsys)
    assert some.code == 0, some.err


async def test_a_suite_that_is_not_there_is_wrong_usage(
    service: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = await called(show_suite(service.address, "holiday", Output()), capsys)
    assert missing.code == 2
    assert "no suite is named 'holiday'; there are: planning" in missing.error


@pytest.mark.parametrize("command", ["suites show", "optimize --suite", "evaluate --with expert --suite"])
async def test_what_is_no_name_is_told_in_words(command: str) -> None:
    malformed = await autoflow(*command.split(), "")
    rule = "it reads suites/ID, or ID alone, of small letters, digits and -"
    assert (malformed.code, malformed.error) == (2, f"autoflow: '' is no name of a suite: {rule}")


async def test_where_no_trainer_answers_the_command_says_what_to_do(tmp_path: Path) -> None:
    own = folder(tmp_path / "own")
    finished = await autoflow("suites", "create", str(own), "--trainer", "127.0.0.1:1")
    assert finished.code == 3
    assert finished.error.startswith("autoflow: no trainer answers at 127.0.0.1:1: start it by `autoflow up`")


async def test_a_run_on_a_created_suite_still_fits_its_line(
    service: Trainer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = create_suite(service.address, folder(tmp_path / "own"), FolderFormat.OWN, None, Output())
    name = (await called(sent, capsys)).out.strip()
    run = await service.create(optimization(suite=name))
    listed = await autoflow("runs", "list", "--trainer", service.address)
    digits = name.removeprefix("suites/")
    assert f"{run.name}  " in listed.out
    assert f"{digits[:12]}…" in listed.out
    assert max(map(len, listed.out.splitlines())) <= 80
    shown = await autoflow("runs", "show", run.name, "--trainer", service.address)
    assert digits in shown.out

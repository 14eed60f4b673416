"""`autoflow execute --input`: the answer's plan is executed on files, against real interpreters and tools."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from autoflow.cli.console import Output
from autoflow.cli.execution.command import execute_file
from autoflow.cli.execution.contents import PlanFiles
from autoflow.cli.execution.request import Options
from autoflow.suites import Content, ContentType, Tool
from autoflow.suites.scenes import caption, draw, scene
from autoflow.testing import ScriptedModel, ScriptedTools, answer_each, catalogue_of, serving
from autoflow_interpreter import build
from tests.cli.harness import WORKFLOW, autoflow, called
from tests.experts.tools import png

IMAGE, TEXT = ContentType.IMAGE, ContentType.TEXT
PICTURE = b"\x89PNG\r\n\x1a\n and so on"
TOOLS = (
    Tool("Ask", "answers a question about an image", (IMAGE, TEXT), TEXT),
    Tool("Mend", "mends an image", (IMAGE,), IMAGE),
)


def work(tool: str, inputs: Sequence[Content]) -> Content | None:
    if inputs[-1] == "silence":
        return None
    return PICTURE + b", mended" if tool == "Mend" else f"\x1b[2J{inputs[1]!s} about {len(inputs[0])} bytes"


def saying(answer: str) -> ScriptedModel:
    return ScriptedModel(lambda messages: answer, choose=lambda messages, options: 0, name=answer)


@pytest.fixture
async def interpreter() -> AsyncIterator[str]:
    models = map(saying, ("Ask", "Mend", "Shrink"))
    async with (
        serving(ScriptedTools(TOOLS, answer_each(work)).service) as tools,
        serving(build({"AUTOFLOW_TOOL_PROVIDERS": tools}, catalogue_of(*models))) as address,
    ):
        yield address


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "some.flow").write_text(WORKFLOW)
    (tmp_path / "picture").write_bytes(PICTURE)
    (tmp_path / "question").write_text("What is red?\n")
    (tmp_path / "silence").write_text("silence")
    return tmp_path


def options(model: str, *inputs: Path, output: ContentType = TEXT, save: Path | None = None) -> Options:
    return Options(
        model=model,
        suite=None,
        temperature=0.0,
        seed=0,
        max_steps=32,
        seconds=60.0,
        plan=PlanFiles(inputs, output, save),
    )


async def test_the_output_alone_is_standard_output(interpreter: str, files: Path) -> None:
    inputs = ("--input", str(files / "picture"), "-i", str(files / "question"), "--output", "text")
    finished = await autoflow(
        *("execute", str(files / "some.flow"), "-q", "Answer it.", "--model", "Ask", *inputs),
        *("--interpreter", interpreter),
    )

    assert (finished.code, finished.out) == (0, f"\\x1b[2JWhat is red? about {len(PICTURE)} bytes\n")
    assert finished.err.splitlines()[-1] == "Ask"


async def test_with_json_the_plans_execution_is_an_event(interpreter: str, files: Path) -> None:
    inputs = ("--input", str(files / "picture"), "--output", "image", "--json")
    finished = await autoflow(
        *("execute", str(files / "some.flow"), "-q", "Mend it.", "--model", "Mend", *inputs),
        *("--interpreter", interpreter),
    )

    assert finished.code == 0
    *_, executed, last = finished.records
    assert executed["plan_executed"]["outcome"] == "PLAN_OUTCOME_EXECUTED"
    assert "finished" in last


async def test_a_picture_is_saved_under_its_own_ending(
    interpreter: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = files / "new" / "folder"
    wanted = options("Mend", files / "picture", output=IMAGE, save=folder)
    finished = await called(
        execute_file(str(files / "some.flow"), "Mend it.", wanted, interpreter, Output()), capsys
    )

    saved = folder / "output.png"
    assert (finished.code, finished.out) == (0, f"{saved}\n")
    assert saved.read_bytes() == PICTURE + b", mended"


async def test_a_text_is_saved_unchanged(
    interpreter: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = options("Ask", files / "picture", files / "question", save=files)
    await called(execute_file(str(files / "some.flow"), "Answer.", wanted, interpreter, Output()), capsys)

    assert (files / "output.txt").read_text() == f"\x1b[2JWhat is red? about {len(PICTURE)} bytes"


@pytest.mark.parametrize(
    ("model", "inputs", "told"),
    [
        (
            "Shrink",
            ["picture"],
            "the plan cannot be executed: 'Shrink' is no tool's name for certain; the nearest are",
        ),
        (
            "Ask",
            ["picture"],
            "the plan cannot be executed: step 1, Ask, takes an image and a text, and there is an image",
        ),
        ("Ask", ["picture", "silence"], "the plan failed at step 1, Ask: there is nothing to do"),
    ],
)
async def test_a_plan_without_output_is_not_well_and_says_why(
    interpreter: str,
    files: Path,
    model: str,
    inputs: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = options(model, *(files / name for name in inputs), save=files / "a" / "new" / "folder")
    finished = await called(
        execute_file(str(files / "some.flow"), "Answer.", wanted, interpreter, Output()), capsys
    )

    assert (finished.code, finished.out) == (1, "")
    assert finished.error.startswith(told)
    # Nothing is left where nothing was saved.
    assert not (files / "a").exists()


async def test_a_place_that_cannot_be_had_is_wrong_usage(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = files / "question" / "below"
    wanted = options("Ask", files / "picture", save=place)
    finished = await called(
        execute_file(str(files / "some.flow"), "Answer.", wanted, "127.0.0.1:1", Output()), capsys
    )

    assert (finished.code, finished.error) == (2, f"autoflow: --save {place}: Not a directory")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "No such file or directory"),
        (b"\xff\xfe nothing", "it is neither a picture (PNG, JPEG, WebP, BMP or GIF) nor a text in UTF-8"),
        (b"zero \x00 byte", "it is neither a picture (PNG, JPEG, WebP, BMP or GIF) nor a text in UTF-8"),
        (b"x" * 100_001, "it is too large: a picture may have 1,048,576 bytes, a text 100,000 characters"),
        (
            PICTURE + b"\xff" * 2**20,
            "it is too large: a picture may have 1,048,576 bytes, a text 100,000 characters",
        ),
    ],
)
async def test_an_input_that_cannot_be_used_is_wrong_usage_and_is_named(
    files: Path, data: bytes | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = files / "input"
    if data is not None:
        path.write_bytes(data)
    # Nothing is asked before the inputs are read.
    nobody = "127.0.0.1:1"
    finished = await called(
        execute_file(str(files / "some.flow"), "Answer.", options("Ask", path), nobody, Output()), capsys
    )

    assert (finished.code, finished.error) == (2, f"autoflow: {path}: {told}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--output", "text"], "--output and --save are for a plan on an --input"),
        (["--input", "file"], "say by --output what is wanted of the input: image or text"),
        (["--input", "file", "--output", "image"], "say by --save where the picture is to go"),
    ],
)
async def test_options_that_do_not_go_together_are_wrong_usage(
    files: Path, arguments: list[str], told: str
) -> None:
    finished = await autoflow("execute", str(files / "some.flow"), "-q", "Answer.", *arguments)
    assert (finished.code, finished.error) == (2, f"autoflow: {told}")


async def test_experts_that_are_named_are_used(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(PICTURE)
    captioning = Tool("Image Captioning", "describes an image", (IMAGE,), TEXT)
    mine = ScriptedTools([captioning], answer_each(lambda tool, inputs: f"of {len(inputs[0])} bytes"))
    async with serving(mine.service) as experts:
        finished = await autoflow(
            *(
                "execute",
                "src/autoflow/suites/workflows/expert.flow",
                "-q",
                "I have a photo. I want a caption.",
            ),
            *("--input", str(picture), "--output", "text"),
            env={"AUTOFLOW_ARTIFACTS": str(tmp_path), "AUTOFLOW_EXPERTS_ADDRESS": experts},
        )
    assert (finished.code, finished.out) == (0, f"of {len(PICTURE)} bytes\n"), finished.err


async def test_without_an_address_the_experts_run_inside_the_command(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(png(draw(scene(15))))
    finished = await autoflow(
        *("execute", "src/autoflow/suites/workflows/expert.flow", "-q", "I have a photo. I want a caption."),
        *("--input", str(picture), "--output", "text"),
        env={"AUTOFLOW_ARTIFACTS": str(tmp_path)},
    )
    assert (finished.code, finished.out) == (0, f"{caption(scene(15))}\n"), finished.err

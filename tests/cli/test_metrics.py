"""`autoflow metrics` and `autoflow score` against a real scorer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from autoflow.cli import app
from autoflow.cli.console import Output
from autoflow.cli.exits import CommandFailed
from autoflow.cli.metrics.listing import list_metrics
from autoflow.cli.metrics.pairs import pair_of, read_pairs
from autoflow.cli.metrics.scores import score_pairs
from autoflow.testing import serving
from autoflow.v1.scorer_service_pb2 import BertScoreOptions, ScorePair
from autoflow.v1.task_pb2 import Content
from autoflow_scorer import build
from tests.cli.harness import Finished, autoflow, called
from tests.scorer.random_encoders import write_clip, write_text_model

CAT, DOG = "a blue cube left of the small red circle", "two green stars"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small random models, the file of metrics that names them, and a picture."""
    folder = tmp_path_factory.mktemp("models")
    write_text_model(folder / "text")
    write_clip(folder / "clip")
    Image.linear_gradient("L").resize((40, 60)).convert("RGB").save(folder / "grey.png")
    (folder / "metrics.yaml").write_text(
        f"metrics:\n  bertscore: {{kind: bertscore, model: {folder / 'text'}}}\n"
        f"  clip: {{kind: clip, model: {folder / 'clip'}}}\n"
        "  vit: {kind: vit, model: /nowhere/vit-large}\n"
    )
    return folder


@pytest.fixture
async def scorer(models: Path) -> AsyncIterator[str]:
    """The address of a scorer that tried to load its model of pictures, which is not there."""
    env = {"AUTOFLOW_METRICS": str(models / "metrics.yaml"), "AUTOFLOW_SCORER_PRELOAD": "vit"}
    async with serving(build({**env, "AUTOFLOW_SCORER_DEVICE": "cpu"})) as address:
        yield address


async def scored(
    scorer: str,
    capsys: pytest.CaptureFixture[str],
    pairs: Sequence[ScorePair],
    *metrics: str,
    idf: bool = False,
    json: bool = True,
) -> Finished:
    options = BertScoreOptions(idf=idf)
    return await called(score_pairs(pairs, metrics, options, scorer, 60, Output(json)), capsys)


async def test_metrics_are_listed_with_what_they_compare(
    scorer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = await called(list_metrics(scorer, Output()), capsys)
    assert finished.code == 0
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in finished.out.splitlines()}
    assert rows["metric"] == "compares range model"
    assert rows["clip"] == "image with text, text with image -1 to 1 clip"
    assert rows["plan_f1"] == "text with plan 0 to 1 -"
    assert finished.err == (
        "vit is not available: its model cannot be loaded; the log of the scorer says why\n"
    )


async def test_metrics_are_listed_for_programs(scorer: str, capsys: pytest.CaptureFixture[str]) -> None:
    finished = await called(list_metrics(scorer, Output(json=True)), capsys)
    by_name = {metric["name"]: metric for metric in finished.document["metrics"]}
    assert by_name["bertscore"]["components"] == ["precision", "recall"]
    assert (by_name["vit"]["model"], by_name["vit"]["available"]) == ("vit-large", False)
    assert by_name["vit"]["comparisons"] == [
        {"output": "CONTENT_TYPE_IMAGE", "reference": "REFERENCE_TYPE_IMAGE"}
    ]


async def test_without_an_address_a_scorer_of_this_environment_runs_in_the_command(models: Path) -> None:
    env = {"AUTOFLOW_METRICS": str(models / "metrics.yaml")}
    finished = await autoflow("metrics", "list", "--json", env=env)
    assert (finished.code, finished.err.splitlines()[0]) == (
        0,
        "no scorer was named: starting one in this process",
    )
    assert "vit-large" in {metric["model"] for metric in finished.document["metrics"]}

    finished = await autoflow("score", "-m", "exact", "-m", "rougeL", "-o", "a cat", "-r", "the cat")
    assert finished.code == 0
    header, row = finished.out.splitlines()
    assert header.split() == ["output", "reference", "exact", "rougeL"]
    assert row.split() == ["a", "cat", "the", "cat", "0.0000", "0.5000"]


async def test_a_pair_on_the_command_line_is_scored_by_several_metrics(
    scorer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = await scored(scorer, capsys, [pair_of(CAT, CAT)], "bertscore", "rougeL", json=False)
    header, row = finished.out.splitlines()
    assert header.split() == ["output", "reference", "bertscore", "precision", "recall", "rougeL"]
    assert row.split()[-4:] == ["1.0000"] * 4
    assert row.startswith("a blue cube ")


async def test_a_file_of_pairs_is_one_request(
    scorer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [(CAT, CAT), (DOG, CAT), (f"{DOG} {CAT}", DOG)]
    lines = [json.dumps({"id": 7, "output": output, "reference": other}) for output, other in texts]
    (tmp_path / "pairs.jsonl").write_text("\n\n".join(lines) + "\n")
    pairs = read_pairs(str(tmp_path / "pairs.jsonl"))
    plain, weighed = [
        (await scored(scorer, capsys, pairs, "bertscore", idf=idf)).records for idf in (False, True)
    ]
    assert [record["pair"] for record in plain] == [0, 1, 2]
    assert plain[0]["scores"]["bertscore"] == pytest.approx({"value": 1, "precision": 1, "recall": 1})
    assert plain[2] != weighed[2], "the references of all lines count"


async def test_pictures_come_from_files(
    scorer: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "caption.txt").write_text(CAT)
    named = [pair_of(f"@{models / 'grey.png'}", f"@{tmp_path / 'caption.txt'}")]
    (models / "pairs.jsonl").write_text(json.dumps({"output_image": "grey.png", "reference": CAT}))
    (first,), (second,) = [
        (await scored(scorer, capsys, pairs, "clip")).records
        for pairs in (named, read_pairs(str(models / "pairs.jsonl")))
    ]
    assert first == second
    shown = await scored(scorer, capsys, named, "clip", json=False)
    assert f"({(models / 'grey.png').stat().st_size:,} bytes)" in shown.out


async def test_pairs_come_from_standard_input() -> None:
    line = b'{"output": "a\xe2\x80\xa8b", "reference": "a\xe2\x80\xa8b"}\n'
    finished = await autoflow("score", "-m", "exact", "--pairs", "-", "--json", stdin=line)
    assert finished.records == [{"pair": 0, "scores": {"exact": {"value": 1.0}}}]


async def test_what_a_metric_cannot_do_is_wrong_usage(
    scorer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, broken = pair_of(CAT, DOG), Content(image=b"no picture")
    for metric, pair, said in (
        ("clip", texts, "does not compare text with text"),
        ("plan_f1", texts, "does not compare text with text"),
        ("bleu", texts, "no metric is named 'bleu'; there are: bertscore"),
        ("vit", ScorePair(output=broken, content=broken), "its model cannot be loaded"),
        ("clip", ScorePair(output=broken, content=Content(text=CAT)), "pairs[0].output.image"),
    ):
        finished = await scored(scorer, capsys, [pair], metric)
        assert (finished.code, said in finished.error) == (2, True), finished.error


async def test_a_scorer_that_is_not_there_is_named() -> None:
    finished = await autoflow("metrics", "list", "--scorer", "127.0.0.1:1")
    assert (finished.code, "no scorer answers at 127.0.0.1:1" in finished.error) == (3, True)


@pytest.mark.parametrize("arguments", [["-o", "a"], ["-r", "a"], [], ["-o", "a", "-r", "b", "--pairs", "-"]])
def test_a_pair_is_named_in_one_way(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["score", "-m", "exact", *arguments])
    assert result.exit_code == 2
    assert result.stderr == "autoflow: name either --output and --reference, or --pairs\n"


@given(
    texts=st.lists(st.tuples(*[st.text(st.characters(codec="utf-8"))] * 2), max_size=5),
    escaped=st.booleans(),
)
def test_every_text_comes_through_a_file_of_pairs(texts: list[tuple[str, str]], escaped: bool) -> None:
    lines = [json.dumps({"output": one, "reference": other}, ensure_ascii=escaped) for one, other in texts]
    with NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write("\n".join(lines))
        file.flush()
        assert [(pair.output.text, pair.content.text) for pair in read_pairs(file.name)] == texts


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "pairs.jsonl:2: is no JSON"),
        ("[" * 100_000, "pairs.jsonl:2: is no JSON"),
        ("3", "pairs.jsonl:2: wants output or output_image, and a text in it"),
        ('{"output": "a"}', "pairs.jsonl:2: wants reference or reference_image, and a text in it"),
        ('{"output": 1, "reference": "a"}', "pairs.jsonl:2: wants output or output_image"),
        ('{"output": "a", "output_image": "a.png", "reference": "a"}', "pairs.jsonl:2: wants output or"),
        ('{"output_image": "no.png", "reference": "a"}', "pairs.jsonl:2: No such file"),
        (r'{"output_image": "\u0000", "reference": "a"}', "pairs.jsonl:2: cannot be read"),
    ],
)
def test_a_line_that_is_no_pair_is_named(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "pairs.jsonl").write_text(f"\n{line}\n")
    with pytest.raises(CommandFailed) as failed:
        read_pairs(str(tmp_path / "pairs.jsonl"))
    assert said in failed.value.message


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for name in ("no.jsonl", "."):
        with pytest.raises(CommandFailed, match=r"No such file|Is a directory"):
            read_pairs(str(tmp_path / name))
    (tmp_path / "latin.jsonl").write_bytes(b"\xff")
    with pytest.raises(CommandFailed, match=r"latin\.jsonl: cannot be read"):
        read_pairs(str(tmp_path / "latin.jsonl"))
    with pytest.raises(CommandFailed, match=r"no\.txt: No such file"):
        pair_of("a", f"@{tmp_path / 'no.txt'}")


def test_texts_that_no_message_can_hold_are_replaced() -> None:
    assert pair_of("a\ud800", "b").output.text == "a?"

"""The neural metrics over a real channel, with small random models: what is merged, refused and told."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from PIL import Image

from autoflow.client import Client, errors
from autoflow.client.scorer import ScorerClient
from autoflow.images import ImageLimits
from autoflow.model_store import ModelStore
from autoflow.settings import SettingsError
from autoflow.testing import serving
from autoflow.v1 import scorer_service_pb2 as pb
from autoflow.v1.task_pb2 import Content
from autoflow_scorer import build
from autoflow_scorer.batching import Limits
from autoflow_scorer.engine.cache import EmbeddingCache
from autoflow_scorer.metrics.catalogue import NeuralSpec
from autoflow_scorer.metrics.judges import load_judge
from autoflow_scorer.metrics.judging import Judge
from autoflow_scorer.metrics.neural import Machinery, NeuralMetric
from autoflow_scorer.observing import Observer
from autoflow_scorer.service import wire
from tests.scorer.random_encoders import sentences, write_clip, write_text_model, write_vit


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `text`, `clip` and `vit`, and the file of metrics that names them."""
    folder = tmp_path_factory.mktemp("models")
    write_text_model(folder / "text")
    baseline = {"layers": [None, None, None, {"precision": 0.5, "recall": 0.25, "f1": 0.4}]}
    (folder / "text" / "bertscore_baseline.json").write_text(json.dumps(baseline))
    write_clip(folder / "clip")
    write_vit(folder / "vit")
    lines = ["metrics:"]
    for name, kind, model in (
        ("bertscore", "bertscore", "text"),
        ("clip", "clip", "clip"),
        ("vit", "vit", "vit"),
        ("absent", "vit", "nowhere"),
    ):
        lines.append(f"  {name}: {{kind: {kind}, model: {folder / model}}}")
    lines.append(f"  early: {{kind: bertscore, model: {folder / 'text'}, layer: 1}}")
    (folder / "metrics.yaml").write_text("\n".join(lines))
    return folder


@asynccontextmanager
async def scoring(models: Path, **settings: str) -> AsyncIterator[ScorerClient]:
    env = {"AUTOFLOW_METRICS": str(models / "metrics.yaml"), "AUTOFLOW_SCORER_DEVICE": "cpu"}
    env |= {f"AUTOFLOW_SCORER_{name.upper()}": value for name, value in settings.items()}
    async with serving(build(env)) as address, Client(scorer=address) as client:
        yield client.scorer


def request(metric: str, *pairs: tuple[str | bytes, str | bytes], **options: bool) -> pb.ScoreOutputsRequest:
    return pb.ScoreOutputsRequest(
        pairs=[pb.ScorePair(output=content(output), content=content(other)) for output, other in pairs],
        metrics=[metric],
        bert_score=pb.BertScoreOptions(**options),
    )


def content(value: str | bytes) -> Content:
    return Content(text=value) if isinstance(value, str) else Content(image=value)


def picture(seed: int, file_format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image = Image.linear_gradient("L").rotate(seed * 37).resize((40 + seed, 60))
    Image.merge("RGB", (image, image.rotate(90 * seed), image)).save(buffer, file_format)
    return buffer.getvalue()


def values(response: pb.ScoreOutputsResponse) -> list[float]:
    return list(response.scores[0].values)


async def test_equal_contents_have_the_full_score_and_others_less(models: Path) -> None:
    text, other = sentences(2, seed=1)
    async with scoring(models) as client:
        bert = await client.score_outputs(request("bertscore", (text, text), (text, other)))
        vit = await client.score_outputs(request("vit", (picture(1), picture(1)), (picture(1), picture(2))))

    for equal, unequal in (values(bert), values(vit)):
        assert equal == pytest.approx(1, abs=1e-5)
        # Random weights find everything alike.
        assert unequal < 1 - 1e-4
    components = {component.name: list(component.values) for component in bert.scores[0].components}
    assert set(components) == {"precision", "recall"}
    precision, recall = components["precision"][1], components["recall"][1]
    assert values(bert)[1] == pytest.approx(2 * precision * recall / (precision + recall))


async def test_clip_compares_either_way_round(models: Path) -> None:
    async with scoring(models) as client:
        there = await client.score_outputs(request("clip", (picture(3), "a blue cube")))
        back = await client.score_outputs(request("clip", ("a blue cube", picture(3))))

    assert values(there) == pytest.approx(values(back), abs=1e-6)
    assert -1 <= values(there)[0] <= 1


@pytest.mark.parametrize("metric", ["bertscore", "vit"])
async def test_merging_changes_no_score(models: Path, metric: str) -> None:
    if metric == "vit":
        pool: Sequence[str | bytes] = [picture(seed) for seed in range(6)]
    else:
        pool = ["", "a", *sentences(20, seed=2), " ".join(sentences(9, seed=3))]
    pairs = [(pool[i % len(pool)], pool[(i * 7 + 1) % len(pool)]) for i in range(48)]
    async with scoring(models, cache_mib="0", batch_tokens="300", waiting_tokens="100000") as client:
        alone = [values(await client.score_outputs(request(metric, pair)))[0] for pair in pairs]
        together = await asyncio.gather(*(client.score_outputs(request(metric, pair)) for pair in pairs))
        at_once = await client.score_outputs(request(metric, *pairs))

    assert [values(response)[0] for response in together] == pytest.approx(alone, abs=1e-5)
    assert values(at_once) == pytest.approx(alone, abs=1e-5)


async def test_what_is_in_the_cache_scores_the_same(models: Path) -> None:
    pairs = list(zip(sentences(10, seed=4), sentences(10, seed=5), strict=True))
    async with scoring(models) as client:
        first, second = [values(await client.score_outputs(request("bertscore", *pairs))) for _ in range(2)]
        early = values(await client.score_outputs(request("early", *pairs)))

    assert first == second
    assert first != pytest.approx(early, abs=1e-5)


async def test_idf_counts_over_the_references_of_the_request(models: Path) -> None:
    pairs = list(zip(sentences(10, seed=6), sentences(10, seed=7), strict=True))
    async with scoring(models) as client:
        plain = values(await client.score_outputs(request("bertscore", *pairs)))
        weighted = values(await client.score_outputs(request("bertscore", *pairs, idf=True)))
        alone = values(await client.score_outputs(request("bertscore", pairs[0], idf=True)))

    assert plain != pytest.approx(weighted, abs=1e-7)
    assert alone[0] != pytest.approx(weighted[0], abs=1e-7)


async def test_a_baseline_rescales_every_column_by_its_own(models: Path) -> None:
    output, reference = sentences(2, seed=8)
    pair = (output, reference)
    async with scoring(models) as client:
        plain = (await client.score_outputs(request("bertscore", pair))).scores[0]
        scaled = (await client.score_outputs(request("bertscore", pair, rescale_with_baseline=True))).scores[
            0
        ]
        with pytest.raises(errors.FailedPrecondition, match="no baseline"):
            await client.score_outputs(request("early", pair, rescale_with_baseline=True))

    def rescaled(value: float, baseline: float) -> float:
        return (value - baseline) / (1 - baseline)

    assert list(scaled.values) == pytest.approx([rescaled(plain.values[0], 0.4)], abs=1e-6)
    for before, after, baseline in zip(plain.components, scaled.components, (0.5, 0.25), strict=True):
        assert list(after.values) == pytest.approx([rescaled(before.values[0], baseline)], abs=1e-6)


@pytest.mark.parametrize(
    ("pair", "field"),
    [
        ((b"no picture", picture(1)), "pairs[1].output.image"),
        ((picture(1), picture(1)[:-40]), "pairs[1].content.image"),
        (("a text", picture(1)), "pairs[1]"),
    ],
)
async def test_a_content_that_cannot_be_compared_is_named(
    models: Path, pair: tuple[str | bytes, str | bytes], field: str
) -> None:
    async with scoring(models) as client:
        with pytest.raises(errors.InvalidArgument) as refused:
            await client.score_outputs(request("vit", (picture(1), picture(1)), pair))

    assert [violation.field for violation in refused.value.details.violations] == [field]


async def test_a_picture_with_too_many_pixels_is_refused(models: Path) -> None:
    async with scoring(models, max_pixels="1000") as client:
        with pytest.raises(errors.InvalidArgument, match="at most 1000 pixels"):
            await client.score_outputs(request("vit", (picture(1), picture(1))))


async def test_a_model_that_is_not_there_is_unavailable_and_nothing_else_is(models: Path) -> None:
    async with scoring(models, preload="all") as client:
        metrics = {
            metric.name: metric for metric in (await client.list_metrics(pb.ListMetricsRequest())).metrics
        }
        with pytest.raises(errors.FailedPrecondition, match="absent"):
            await client.score_outputs(request("absent", (picture(1), picture(1))))
        await client.score_outputs(request("vit", (picture(1), picture(1))))

    assert not metrics["absent"].available
    assert "cannot be loaded" in metrics["absent"].unavailable_reason
    assert str(models) not in metrics["absent"].unavailable_reason
    for name in ("bertscore", "clip", "vit", "early"):
        assert metrics[name].available
        assert len(metrics[name].model_digest) == 64
    assert metrics["vit"].model == "vit"
    assert metrics["bertscore"].model_digest == metrics["early"].model_digest != metrics["vit"].model_digest


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"\x10\0\0\0\0\0\0\0no weights at all"),
        ("model.safetensors", b""),
        ("preprocessor_config.json", b"{}"),
        ("config.json", b'{"model_type": "none"}'),
        ("config.json", b'["no", "object"]'),
    ],
)
async def test_a_model_whose_files_are_damaged_is_unavailable_and_nothing_else_is(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, file: str, content: bytes
) -> None:
    shutil.copytree(models / "vit", tmp_path / "damaged")
    (tmp_path / "damaged" / file).write_bytes(content)
    named = yaml.safe_dump({"metrics": {"damaged": {"kind": "vit", "model": str(tmp_path / "damaged")}}})
    (tmp_path / "metrics.yaml").write_text(named)
    async with scoring(tmp_path, preload="damaged") as client:
        with pytest.raises(errors.FailedPrecondition, match="'damaged' is not available") as refused:
            await client.score_outputs(request("damaged", (picture(1), picture(1))))
        await client.score_outputs(request("vit", (picture(1), picture(1))))

    assert str(tmp_path) not in refused.value.message
    (logged,) = [record for record in caplog.records if record.name == "autoflow_scorer.observing"]
    assert logged.exc_info is not None


@pytest.mark.parametrize(("retry", "found"), [(0.0, True), (3600.0, False)])
async def test_a_model_that_appears_later_is_found_when_it_is_tried_again(
    tmp_path: Path, retry: float, found: bool
) -> None:
    spec = NeuralSpec("late", "vit", str(tmp_path / "late"), "late")
    tries: list[str] = []

    def load() -> Judge:
        tries.append(spec.name)
        return load_judge(spec, "cpu", "float32", ImageLimits())

    with ThreadPoolExecutor(1) as executor:
        machinery = Machinery(executor, ModelStore(1 << 30), EmbeddingCache(0), Limits(64), Observer())
        metric = NeuralMetric(spec.describe(), load, machinery, retry=retry)
        async with serving(wire([metric])) as address, Client(scorer=address) as client:
            asking = request("late", (picture(1), picture(1)))
            for _ in range(2):
                with pytest.raises(errors.FailedPrecondition, match="'late' is not available"):
                    await client.scorer.score_outputs(asking)
            write_vit(tmp_path / "late")
            if found:
                assert values(await client.scorer.score_outputs(asking)) == pytest.approx([1], abs=1e-5)
            else:
                with pytest.raises(errors.FailedPrecondition):
                    await client.scorer.score_outputs(asking)
            (told,) = (await client.scorer.list_metrics(pb.ListMetricsRequest())).metrics

    assert len(tries) == (3 if found else 1)
    assert told.available == found
    assert bool(told.unavailable_reason) != found


async def test_a_model_that_is_larger_than_all_memory_set_aside_is_refused(models: Path) -> None:
    async with scoring(models, models_mib="0") as client:
        with pytest.raises(errors.FailedPrecondition, match="0 MiB are set aside"):
            await client.score_outputs(request("vit", (picture(1), picture(1))))


async def test_whoever_comes_when_too_much_waits_is_told_when_to_come_again(models: Path) -> None:
    texts = sentences(400, seed=9)
    async with scoring(models, batch_tokens="64", waiting_tokens="64", cache_mib="0") as client:
        await client.score_outputs(request("bertscore", ("a", "b")))
        calls = [
            client.score_outputs(request("bertscore", *zip(texts[i : i + 20], texts[20:40], strict=True)))
            for i in range(0, 400, 20)
        ]
        ended = await asyncio.gather(*calls, return_exceptions=True)

    refused = [error for error in ended if isinstance(error, Exception)]
    assert 0 < len(refused) < len(ended)
    for error in refused:
        assert isinstance(error, errors.ResourceExhausted)
        assert error.details.retry_after is not None
        assert error.details.retry_after > 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("metrics: {a: {kind: vit, model: m, layer: 2}}", "layer belongs to"),
        ("metrics: {a: {kind: bleu, model: m}}", "metrics.a.kind"),
        ("metrics: {a b: {kind: vit, model: m}}", "metrics"),
        ("models: {}", "metrics"),
        ("metrics: {exact: {kind: vit, model: m}}", "'exact' is the name of a metric without a model"),
        ("[", "not YAML"),
    ],
)
def test_a_wrong_file_of_metrics_is_told_at_the_start(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "metrics.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=reason):
        build({"AUTOFLOW_METRICS": str(file)})


def test_a_file_of_metrics_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        build({"AUTOFLOW_METRICS": str(tmp_path / "none.yaml")})


def test_preloading_a_metric_that_is_not_there_is_told_at_the_start() -> None:
    with pytest.raises(SettingsError, match="no metric is named 'bleu'"):
        build({"AUTOFLOW_SCORER_PRELOAD": "vit, bleu"})

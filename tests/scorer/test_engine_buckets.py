"""Passes of few shapes give what packed rows give, compiled or not, also where there is no compiler."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from autoflow_scorer.engine.buckets import Buckets
from autoflow_scorer.engine.clip import ClipEncoder
from autoflow_scorer.engine.compiling import Compiled
from autoflow_scorer.engine.device import in_memory
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.packing import Packed, Passes, Tokens
from autoflow_scorer.engine.text import TextEncoder
from autoflow_scorer.engine.vit import VitEncoder
from tests.scorer.devices import DEVICE
from tests.scorer.random_encoders import sentences, write_clip, write_text_model, write_vit

TEXTS = ["", "a", "blue", "red " * 200, *sentences(70, seed=11), *sentences(30, seed=12, longest=3)]
SMALL: dict[str, Any] = {"tokens": (256, 64), "images": (8, 4)}
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")


def linears(passes: Passes) -> Linears:
    """Plain linear layers in those passes."""
    return Linears(torch.device(DEVICE), torch.float32, prepacked=False, passes=passes)


def near(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def embedded(folder: Path, passes: Passes, texts: Sequence[str] = TEXTS) -> Tensor:
    encoder = TextEncoder.load(folder, linears(passes))
    return torch.cat(encoder.encode(encoder.tokenize(texts)))


def clip_embedded(folder: Path, passes: Passes, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    pictures = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    encoder = ClipEncoder.load(folder, linears(passes))
    return torch.cat((encoder.encode_texts(encoder.tokenize(TEXTS)), encoder.encode_images(pictures)))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("autoflow_scorer")]


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "electra"])
def test_texts_are_embedded_as_in_packed_rows(tmp_path: Path, architecture: str) -> None:
    folder = write_text_model(tmp_path, architecture)
    near(embedded(folder, Buckets(**SMALL, backend=None)), embedded(folder, Packed()))


@pytest.mark.parametrize("misnamed_end", [False, True])
def test_clip_embeds_as_in_packed_rows(tmp_path: Path, misnamed_end: bool) -> None:
    folder = write_clip(tmp_path, misnamed_end=misnamed_end)
    near(clip_embedded(folder, Buckets(**SMALL, backend=None), 21), clip_embedded(folder, Packed(), 21))


@pytest.mark.parametrize("architecture", ["vit", "dinov2"])
@pytest.mark.parametrize("count", [1, 4, 21])
def test_images_are_embedded_as_in_packed_rows(tmp_path: Path, architecture: str, count: int) -> None:
    folder = write_vit(tmp_path, architecture)
    pictures = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    ours, theirs = (
        VitEncoder.load(folder, linears(passes)).encode_images(pictures)
        for passes in (Buckets(**SMALL, backend=None), Packed())
    )
    near(ours, theirs)


@needs_compiler
def test_compiled_layers_give_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, texts = write_text_model(tmp_path), ["", "a blue cube", "red " * 200]
    near(embedded(folder, Buckets(tokens=(256,)), texts), embedded(folder, Packed(), texts))
    assert warnings(caplog) == []


def test_compiled_towers_give_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_clip(tmp_path)
    # The compiler without its code generator, which takes its time.
    passes = Buckets(tokens=(256,), images=(4,), backend="aot_eager")
    near(clip_embedded(folder, passes, 3), clip_embedded(folder, Packed(), 3))
    assert warnings(caplog) == []


def test_a_shape_is_compiled_once_for_all_layers(tmp_path: Path) -> None:
    compiled: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        compiled.append(graph)
        return graph.forward

    folder = write_text_model(tmp_path, num_hidden_layers=5)
    short, long = "a cube", "red " * 20
    for _ in range(2):  # A model that is loaded again brings nothing new.
        encoder = TextEncoder.load(folder, linears(Buckets(tokens=(64,), backend=backend)))
        for texts in ([short], [short, "a"], [long], [short, long]):
            encoder.encode(encoder.tokenize(texts))
    assert len(compiled) == 2


def test_after_a_warm_up_nothing_is_left_to_compile(tmp_path: Path) -> None:
    compiled: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        compiled.append(graph)
        return graph.forward

    buckets = linears(Buckets(tokens=(64, 32), images=(4, 2), backend=backend))
    texts = TextEncoder.load(write_text_model(tmp_path / "text"), buckets)
    # 4 and 2 texts of 16 tokens, 2 and 1 of 32, 1 of 64.
    assert (len(list(texts.warm_up())), len(compiled)) == (5, 5)
    texts.encode(texts.tokenize(TEXTS))
    assert len(compiled) == 5
    clip = ClipEncoder.load(write_clip(tmp_path / "clip"), buckets)
    # Two numbers of pictures, and two of texts; each tower's last layer is compiled by itself.
    assert (len(list(clip.warm_up())), len(compiled)) == (4, 5 + 2 * 4)
    clip.encode_texts(clip.tokenize(TEXTS))
    for count in range(1, 8):
        clip.encode_images(torch.zeros(count, 3, 32, 32, dtype=torch.uint8))
    assert len(compiled) == 5 + 2 * 4


def test_packed_rows_need_no_warm_up(tmp_path: Path) -> None:
    encoder = ClipEncoder.load(write_clip(tmp_path), linears(Packed()))
    assert list(encoder.warm_up()) == []


def test_a_device_without_memory_ends_no_warm_up(tmp_path: Path) -> None:
    def exhausted(graph: Any, inputs: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    encoder = TextEncoder.load(write_text_model(tmp_path), linears(Buckets(**SMALL, backend=exhausted)))
    assert len(list(encoder.warm_up())) == 6


def test_a_model_that_is_compiled_can_be_unloaded(tmp_path: Path) -> None:
    folder = write_text_model(tmp_path)
    encoder = TextEncoder.load(folder, linears(Buckets(tokens=(64,), backend="aot_eager")))
    encoder.encode(encoder.tokenize(["a cube"]))
    gc.collect()
    # The weights of query, key and value, one a layer.
    held = [weakref.ref(each) for each in gc.get_objects() if type(each) is Tensor and each.shape == (96, 32)]
    del encoder
    gc.collect()
    assert len(held) >= 3
    assert [each() for each in held] == [None] * len(held)


def failing(graph: Any, inputs: Any) -> Any:
    """A compiler that knows nothing."""
    raise RuntimeError("there is no such operator")


def wrong(graph: Any, inputs: Any) -> Any:
    """A compiler that is off by a thousandth."""
    return lambda *args: tuple(1.001 * each for each in graph(*args))


@pytest.mark.parametrize("backend", [failing, wrong])
def test_where_compiling_fails_the_plain_layers_are_used_and_that_is_said_once(
    tmp_path: Path, backend: Any, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_text_model(tmp_path)
    near(embedded(folder, Buckets(**SMALL, backend=backend)), embedded(folder, Packed()))
    assert warnings(caplog) == ["layers run uncompiled, which is slower"]


def test_a_device_without_memory_says_nothing_about_the_compiler() -> None:
    seen: list[Tensor] = []

    def double(x: Tensor) -> Tensor:
        return x + x

    def exhausted(x: Tensor) -> Tensor:
        seen.append(x)
        raise torch.OutOfMemoryError("CUDA out of memory")

    function = Compiled(double, lambda graph, inputs: exhausted)
    with pytest.raises(torch.OutOfMemoryError):
        function(torch.zeros(2))
    assert len(seen) == 1
    assert not function.failed


@given(st.lists(st.integers(1, 90), min_size=1, max_size=80), st.sampled_from([64, 70, 90]))
def test_every_text_is_in_one_pass_of_one_of_few_shapes(sizes: list[int], longest: int) -> None:
    buckets = Buckets(tokens=(256, 64), backend=None)
    texts = sorted([(7,) * min(size, longest) for size in sizes], key=len)
    cut = [list(batch) for batch in buckets.cut(texts)]
    assert [text for batch in cut for text in batch] == texts
    for batch in cut:
        layout = buckets.lay(batch, longest, 0)
        (run,) = layout.runs
        counts = {longest: {2, 1}, 16: {16, 4}, 32: {8, 2}, 64: {4, 1}}
        assert run.count in counts[run.length]
        assert len(layout.tokens()) == run.stop == run.count * run.length
        real = layout.real()
        assert real.sum(1).tolist() == [len(text) for text in batch] + [1] * (run.count - len(batch))
        tokens = layout.tokens().view(run.count, run.length)[: len(batch)]
        assert tokens.bool().equal(real[: len(batch)])
        rows = layout.last_rows()[: len(batch)] - torch.arange(len(batch)) * run.length
        assert rows.tolist() == [len(text) - 1 for text in batch]


def test_a_pass_for_which_there_is_no_memory_ends_in_smaller_shapes() -> None:
    buckets, rows = Buckets(tokens=(1024, 256, 64)), []

    def run(texts: Sequence[Tokens]) -> Tensor:
        layout = buckets.lay(texts, 64, 0)
        rows.append(layout.runs[-1].stop)
        if rows[-1] > 300:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return layout.tokens().view(-1, 16)[: len(texts), :1]

    texts = [(i + 1,) for i in range(64)]
    assert in_memory(run, texts).flatten().tolist() == [i + 1 for i in range(64)]
    assert rows == [1024, 1024, 256, 256, 1024, 256, 256]


@given(st.integers(1, 200))
def test_every_image_is_in_one_pass_of_one_of_few_sizes(count: int) -> None:
    buckets = Buckets(images=(16, 4))
    images = torch.arange(count, dtype=torch.uint8).view(count, 1, 1, 1)
    parts = list(buckets.split(images))
    assert torch.cat(parts).equal(images)
    for part in parts:
        filled = buckets.fill(part)
        assert len(filled) in {16, 4}
        assert filled[: len(part)].equal(part)
        assert len(filled) - len(part) < 4

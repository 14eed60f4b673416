"""Models come when they are wanted, go when others need their room, and are told where they cannot be had."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from autoflow.admission import Admission
from autoflow.errors import FailedPrecondition, ResourceExhausted, Unavailable
from autoflow.images import ImageLimits
from autoflow.model_store import ModelStore
from autoflow.suites.planning import TOOLS
from autoflow_experts.cache import ResultCache
from autoflow_experts.calling import Experts
from autoflow_experts.experts import Failure, Inputs, Result, Unusable
from autoflow_experts.pretrained.catalogue import ModelSpec
from autoflow_experts.pretrained.expert import PAUSE, Network, PretrainedExpert
from autoflow_experts.pretrained.networks.load import Machine, load_network
from autoflow_experts.pretrained.networks.passes import Item, Passes
from tests.experts.pretrained.pictures import picture

MACHINE = Machine("cpu", "float32", 4096, ImageLimits())
BY_NAME = {tool.name: tool for tool in TOOLS}
TEXT: list[Inputs] = [["a fish"]]
PICTURE: list[Inputs] = [[picture(0)]]


class Shelf:
    """Experts on folders, and which models were loaded."""

    def __init__(self, folders: Mapping[str, Path], max_bytes: int, now: Callable[[], float]) -> None:
        self.loads: list[str] = []
        self.models: ModelStore[Network] = ModelStore(max_bytes)
        self.experts = [
            PretrainedExpert(BY_NAME[spec.tool], spec.name, partial(self._load, spec), self.models, now)
            for spec in (ModelSpec(tool, str(folder)) for tool, folder in folders.items())
        ]

    def _load(self, spec: ModelSpec) -> Network:
        assert threading.current_thread() is not threading.main_thread()
        self.loads.append(spec.tool)
        return load_network(spec, MACHINE)


def called(shelf: Shelf, executor: ThreadPoolExecutor) -> Experts:
    return Experts(shelf.experts, executor, Admission(8, "calls"), ResultCache(0))


async def test_the_model_that_was_used_least_recently_makes_room(folders: Mapping[str, Path]) -> None:
    sizes = {
        tool: load_network(ModelSpec(tool, str(folders[tool])), MACHINE).bytes
        for tool in ("Sentiment Analysis", "Fill Mask", "Image Classification")
    }
    shelf = Shelf({tool: folders[tool] for tool in sizes}, sum(sizes.values()) - 1, lambda: 0.0)
    with ThreadPoolExecutor(1) as executor:
        experts = called(shelf, executor)
        await experts.call("Sentiment Analysis", TEXT)
        await experts.call("Image Classification", PICTURE)
        await experts.call("Sentiment Analysis", TEXT)
        await experts.call("Fill Mask", [["a [MASK]"]])
        assert shelf.models.loaded == ["Sentiment Analysis", "Fill Mask"]
        [again] = await experts.call("Image Classification", PICTURE)

    assert isinstance(again, str)
    assert shelf.loads == [
        "Sentiment Analysis",
        "Image Classification",
        "Fill Mask",
        "Image Classification",
    ]


async def test_a_model_that_is_larger_than_the_budget_is_refused(folders: Mapping[str, Path]) -> None:
    tool = "Sentiment Analysis"
    shelf = Shelf({tool: folders[tool]}, 1000, lambda: 0.0)
    with ThreadPoolExecutor(1) as executor:
        experts = called(shelf, executor)
        for _ in range(2):
            with pytest.raises(FailedPrecondition, match="set aside for models"):
                await experts.call(tool, TEXT)

    assert shelf.loads == [tool]


async def test_known_results_need_no_model(folders: Mapping[str, Path]) -> None:
    tool = "Sentiment Analysis"
    shelf = Shelf({tool: folders[tool]}, 1 << 30, lambda: 0.0)
    with ThreadPoolExecutor(1) as executor:
        cache = ResultCache(1 << 20)
        await Experts(shelf.experts, executor, Admission(8, "calls"), cache).call(tool, TEXT)
        other = Shelf({tool: folders[tool]}, 1 << 30, lambda: 0.0)
        experts = Experts(other.experts, executor, Admission(8, "calls"), cache)
        [known] = await experts.call(tool, TEXT)

    assert isinstance(known, str)
    assert other.loads == []


def nothing(folders: Mapping[str, Path], place: Path) -> Path:
    return place / "nowhere"


def a_picture_model(folders: Mapping[str, Path], place: Path) -> Path:
    return folders["Image Classification"]


def one_without_a_head(folders: Mapping[str, Path], place: Path) -> Path:
    return folders["Fill Mask"]


def pickled_weights(folders: Mapping[str, Path], place: Path) -> Path:
    folder = place / "pickled"
    shutil.copytree(folders["Sentiment Analysis"], folder)
    model: Any = transformers.DistilBertForSequenceClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return folder


def damaged_weights(folders: Mapping[str, Path], place: Path) -> Path:
    folder = place / "damaged"
    shutil.copytree(folders["Sentiment Analysis"], folder)
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(1000)
    return folder


def one_without_a_tokenizer(folders: Mapping[str, Path], place: Path) -> Path:
    folder = place / "wordless"
    shutil.copytree(folders["Sentiment Analysis"], folder, ignore=shutil.ignore_patterns("*token*"))
    return folder


def code_of_its_own(folders: Mapping[str, Path], place: Path) -> Path:
    folder = place / "coded"
    shutil.copytree(folders["Sentiment Analysis"], folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise AssertionError('it was run')")
    return folder


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (nothing, "there is no folder"),
        (a_picture_model, "Unrecognized configuration class"),
        (one_without_a_head, "it was not trained for this task"),
        (pickled_weights, "safetensors"),
        (damaged_weights, "deserializing header"),
        (one_without_a_tokenizer, "there is no tokenizer"),
        (code_of_its_own, "custom code"),
    ],
)
async def test_what_is_no_model_of_the_tool_is_told(
    folders: Mapping[str, Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    source: Callable[[Mapping[str, Path], Path], Path],
    reason: str,
) -> None:
    tool, folder = "Sentiment Analysis", source(folders, tmp_path)
    shelf = Shelf({tool: folder}, 1 << 30, lambda: 0.0)
    with (
        caplog.at_level(logging.ERROR, "autoflow_experts"),
        ThreadPoolExecutor(1) as executor,
        pytest.raises(Unavailable) as told,
    ):
        await called(shelf, executor).call(tool, TEXT)

    assert told.value.message == (
        f"the model {folder.name!r} of {tool!r} cannot be had: fetch it to where the experts run, "
        "or name another one, or none, in AUTOFLOW_EXPERTS_FILE (the log of the experts says why)"
    )
    (logged,) = [record for record in caplog.records if record.name.startswith("autoflow_experts")]
    assert logged.exc_info
    assert reason in str(logged.exc_info[1])


async def test_captions_need_an_encoder_of_pictures(folders: Mapping[str, Path]) -> None:
    tool = "Image Captioning"
    shelf = Shelf({tool: folders["Text Summarization"]}, 1 << 30, lambda: 0.0)
    with ThreadPoolExecutor(1) as executor, pytest.raises(Unavailable):
        await called(shelf, executor).call(tool, PICTURE)


async def test_a_model_that_could_not_be_had_is_tried_again_after_a_pause(
    folders: Mapping[str, Path], tmp_path: Path
) -> None:
    tool, folder, seconds = "Sentiment Analysis", tmp_path / "later", 0.0
    shelf = Shelf({tool: folder}, 1 << 30, lambda: seconds)
    with ThreadPoolExecutor(1) as executor:
        experts = called(shelf, executor)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await experts.call(tool, TEXT)
        assert len(shelf.loads) == 1
        shutil.copytree(folders[tool], folder)
        seconds = PAUSE
        [result] = await experts.call(tool, TEXT)

    assert result in ("positive", "negative")
    assert len(shelf.loads) == 2


_OFFLINE = """
import sys
from autoflow.images import ImageLimits
from autoflow_experts.pretrained.catalogue import ModelSpec
from autoflow_experts.pretrained.networks.load import Machine, load_network
for name in ("someone/here", "someone/elsewhere"):
    try:
        spec = ModelSpec("Sentiment Analysis", name)
        network = load_network(spec, Machine("cpu", "float32", 4096, ImageLimits()))
        print(name, *network.apply([["a fish"]]))
    except OSError as error:
        print(name, "cannot be had")
"""


def test_what_was_fetched_before_needs_no_hub(folders: Mapping[str, Path], tmp_path: Path) -> None:
    repository, commit = tmp_path / "hub" / "models--someone--here", "0" * 40
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(folders["Sentiment Analysis"], repository / "snapshots" / commit)
    env = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    env.pop("HF_HUB_CACHE", None)

    done = subprocess.run(
        [sys.executable, "-c", _OFFLINE], env=env, capture_output=True, text=True, timeout=100, check=False
    )

    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first in ("someone/here positive", "someone/here negative")
    assert second == "someone/elsewhere cannot be had"


class Cramped:
    """Work on a device that has memory for so many samples; says each sample's text."""

    def __init__(self, room: int) -> None:
        self.model: Any = torch.nn.Linear(2, 1)
        self.passes: list[int] = []
        self._room = room

    def prepare(self, inputs: Inputs) -> Item:
        text = inputs[0]
        if not text:
            raise Unusable("there is nothing")
        return Item(text, len(text), shape=str(text).isupper())

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        self.passes.append(len(items))
        if len(items) > self._room:
            raise torch.OutOfMemoryError("no memory")
        return [str(item.payload) for item in items]


def passes(work: Cramped, budget: int) -> Passes:
    return Passes(work, torch.device("cpu"), budget)


def test_a_pass_holds_samples_of_one_shape_within_the_budget() -> None:
    work = Cramped(room=9)
    texts = ["a", "bb", "", "ccc", "dd", "EE", "FF", "gggggggggggg", "h"]

    assert list(passes(work, 9).apply([[text] for text in texts])) == [
        Failure("there is nothing") if text == "" else text for text in texts
    ]
    # Three of length three; the fourth would pass nine. Capitals have a shape of their own.
    assert work.passes == [3, 1, 2, 1, 1]


def test_a_pass_without_memory_is_cut_in_halves() -> None:
    work = Cramped(room=2)
    texts = ["a", "b", "c", "d", "e"]

    assert list(passes(work, 100).apply([[text] for text in texts])) == texts
    assert work.passes == [5, 2, 3, 1, 2]


def test_a_sample_without_memory_is_told() -> None:
    with pytest.raises(ResourceExhausted, match="no memory left") as told:
        list(passes(Cramped(room=0), 100).apply([["a"], ["b"]]))

    assert told.value.retry_after


def test_a_call_can_be_given_up_between_passes() -> None:
    work = Cramped(room=1)
    results = passes(work, 1).apply([["a"], ["b"], ["c"]])

    assert next(results) == "a"
    assert work.passes == [1]

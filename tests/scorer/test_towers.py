"""The shipped towers: their size and format, and that they know right from wrong on scenes they never saw."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from transformers import AutoModel, AutoTokenizer

from autoflow_scorer import towers
from autoflow_scorer.towers import measure
from autoflow_scorer.towers.train import TRAININGS, train_tower
from autoflow_scorer.towers.training import text, tokens
from autoflow_scorer.towers.training.corpus import Corpus
from autoflow_scorer.towers.training.optimisation import Schedule
from autoflow_scorer.towers.training.vit import damage

SCENES = 200


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_the_towers_take_at_most_6_mb_with_script_and_card() -> None:
    folder = towers.path("clip").parent
    files = [file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert folder / "card.md" in files
    assert folder / "train.py" in files
    assert sum(file.stat().st_size for file in files) <= 6_000_000


@pytest.mark.parametrize("name", towers.NAMES)
def test_a_tower_is_whole_half_precision_and_made_by_the_shipped_training(name: towers.TowerName) -> None:
    folder = towers.path(name)
    with safe_open(folder / "model.safetensors", "pt") as weights:
        shipped = {key: weights.get_tensor(key).dtype for key in weights.keys()}  # noqa: SIM118
    _, report = AutoModel.from_pretrained(folder, use_safetensors=True, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert {kind for kind in shipped.values() if kind.is_floating_point} == {torch.float16}
    recorded = json.loads((folder / "training.json").read_text())
    assert {key: recorded[key] for key in asdict(TRAININGS[name][1])} == asdict(TRAININGS[name][1])


def test_clip_ranks_the_right_caption_of_16_first() -> None:
    figures = measure.clip(towers.path("clip"), SCENES)
    assert figures["right_of_16"] >= 0.9
    assert figures["right_of_16_paraphrased"] >= 0.9
    assert figures["cosine_right"] > figures["cosine_wrong"] + 0.3


def test_vit_keeps_a_lightly_degraded_copy_nearer_than_another_scene() -> None:
    figures = measure.vit(towers.path("vit"), SCENES)
    assert figures["light_over_other"] >= 0.98
    assert figures["cosine_light"] > 0.85
    assert figures["cosine_light"] > figures["cosine_all_faults"] > figures["cosine_other"]


def test_vit_sees_faults_grow_and_repairs_help() -> None:
    figures = measure.vit_by_fault(towers.path("vit"), 60)
    for fault in ("noise", "blur", "grayscale", "low_resolution"):
        assert figures[f"less_{fault}"] >= 0.95
        assert figures[f"mended_{fault}"] >= 0.9


def test_bertscore_tells_a_paraphrase_from_a_text_that_differs_in_an_attribute() -> None:
    figures = measure.text(towers.path("text"), SCENES)
    for language in ("english", "german"):
        assert figures[f"{language}_over_near_miss"] >= 0.9
        assert figures[f"{language}_over_same_words"] >= 0.9
        assert figures[f"{language}_over_other"] >= 0.99


def test_bertscore_s_baseline_has_every_layer_and_lies_below_paraphrases() -> None:
    folder = towers.path("text")
    layers = json.loads((folder / text.BASELINE).read_text())["layers"]
    assert len(layers) == AutoModel.from_pretrained(folder).config.num_hidden_layers + 1
    assert all(0 < layer[key] < 0.9 for layer in layers for key in ("precision", "recall", "f1"))


@pytest.mark.parametrize("name", ["clip", "text"])
@settings(max_examples=50, deadline=None)
@given(words=st.text(max_size=40))
def test_no_text_has_an_unknown_token(name: towers.TowerName, words: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(towers.path(name))
    ids = tokenizer(words)["input_ids"]
    assert (ids[0], ids[-1]) == (tokens.START_ID, tokens.END_ID)
    assert tokenizer.unk_token is None
    assert tokenizer(words + "x")["input_ids"] != ids, "every letter leaves a token"


def test_scores_of_texts_are_those_of_the_formula() -> None:
    east, north = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    between = torch.tensor([0.6, 0.8])
    mark = torch.zeros(2)
    embedded = torch.stack(
        [torch.stack([mark, east, north, mark, mark]), torch.stack([mark, between, mark, mark, mark])]
    )
    ids = torch.tensor(
        [
            [tokens.START_ID, 10, 11, tokens.END_ID, tokens.PAD_ID],
            [tokens.START_ID, 12, tokens.END_ID, tokens.PAD_ID, tokens.PAD_ID],
        ]
    )
    precision, recall, f1 = text.scores(embedded, ids, 1).flatten().tolist()
    assert precision == pytest.approx(0.8)
    assert recall == pytest.approx((0.6 + 0.8) / 2)
    assert f1 == pytest.approx(2 * 0.8 * 0.7 / 1.5)


def test_damage_is_nought_for_equal_pictures_and_counts_colour_by_its_share() -> None:
    grey = torch.full((1, 3, 32, 32), 0.5)
    assert damage(grey, grey).tolist() == [0.0]
    brighter = damage(grey, grey + 0.1)
    assert brighter.item() == pytest.approx(0.2, abs=1e-5)


def test_the_corpus_is_decided_by_its_seed_and_its_triples_differ() -> None:
    one, again, another = Corpus(3), Corpus(3), Corpus(4)
    drawn = [one.draw() for _ in range(300)]
    assert drawn == [again.draw() for _ in range(300)]
    assert drawn != [another.draw() for _ in range(300)]
    assert all(triple.other.casefold().rstrip(".") != triple.text.casefold().rstrip(".") for triple in drawn)


@pytest.mark.parametrize("name", towers.NAMES)
def test_the_training_writes_a_whole_tower(name: towers.TowerName, tmp_path: Path) -> None:
    """Two steps on few scenes, only to see that it still runs."""
    schedule = Schedule(scenes=24, steps=2, batch=4)
    train_tower(name, schedule, tmp_path / name)
    AutoModel.from_pretrained(tmp_path / name, use_safetensors=True)
    assert json.loads((tmp_path / name / "training.json").read_text())["steps"] == 2

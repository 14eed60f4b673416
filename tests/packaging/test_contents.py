"""What the wheel and the sdist hold."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scripts import distributions


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return distributions.build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel(built: Path) -> set[str]:
    return distributions.files_of_wheel(built)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return distributions.build_sdist(tmp_path_factory.mktemp("sdist"))


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: set[str]) -> None:
    assert distributions.faults_of_wheel(wheel) == []


def test_the_sdist_holds_the_sources(sdist: Path) -> None:
    assert distributions.faults_of_sdist(distributions.files_of_sdist(sdist)) == []


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_tree(built: Path, sdist: Path, tmp_path: Path) -> None:
    rebuilt = distributions.rebuild_wheel(sdist, tmp_path)

    assert distributions.differences_of_wheels(built, rebuilt) == []


def test_another_content_would_be_noticed(built: Path, tmp_path: Path) -> None:
    other = tmp_path / built.name
    with zipfile.ZipFile(built) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"" if name == "autoflow/errors.py" else source.read(name))

    assert distributions.differences_of_wheels(built, other) == ["not in both alike: autoflow/errors.py"]


@pytest.mark.parametrize(
    "lost",
    ["autoflow/py.typed", "autoflow/llm/tiny/weights/model.safetensors", "autoflow_worker/__main__.py"],
)
def test_a_loss_would_be_noticed(wheel: set[str], lost: str) -> None:
    assert f"missing: {lost}" in distributions.faults_of_wheel(wheel - {lost})


@pytest.mark.parametrize("path", ["tests/conftest.py", "autoflow/__pycache__/errors.cpython-311.pyc"])
def test_what_does_not_belong_would_be_noticed(wheel: set[str], path: str) -> None:
    assert f"unexpected: {path}" in distributions.faults_of_wheel(wheel | {path})


@pytest.mark.parametrize("path", ["build/demo/report.html", ".venv/bin/python", "src/.mypy_cache/x.json"])
def test_a_checkouts_junk_would_be_noticed(path: str) -> None:
    assert f"junk: {path}" in distributions.faults_of_sdist({path})

"""Builds the wheel and the sdist, and says what is wrong with what is in them.

The wheel must hold every file of the packages and nothing else; the sdist must be enough to build that very
wheel and to run lint and tests. Nothing is downloaded where the build backend is installed.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
JUNK = ("__pycache__", "*.py[co]", "*.egg-info", ".*_cache", ".hypothesis", ".venv", "node_modules", "*.db*")
"""Names of files and folders that no distribution may hold."""
FOREIGN_TO_THE_SDIST = ("build", "dist", ".git", ".autoflow")
"""Folders of a checkout's root that are no source."""
LICENSES = ("LICENSE", "protos/buf/validate/LICENSE")
IN_THE_SDIST = (
    *LICENSES,
    "CHANGELOG.md",
    "Makefile",
    "README.md",
    "buf.yaml",
    "constraints.txt",
    "protos/autoflow/v1/*.proto",
    "protos/buf/validate/validate.proto",
    "protos/google/rpc/status.proto",
    "pyproject.toml",
    "services/*/*/__main__.py",
    "src/autoflow/py.typed",
    "src/autoflow/llm/tiny/weights/model.safetensors",
    "tests/conftest.py",
)
"""Patterns of which each must match something."""
IN_THE_WHEEL = (
    "autoflow/py.typed",
    "autoflow/llm/tiny/weights/model.safetensors",
    "autoflow/llm/tiny/weights/tokenizer.json",
    "autoflow/suites/workflows/*.flow",
    "autoflow/v1/*_pb2_grpc.py",
    "autoflow/v1/*_pb2.pyi",
    "buf/validate/validate_pb2.py",
    "autoflow_experts/__main__.py",
    "autoflow_generator/__main__.py",
    "autoflow_interpreter/__main__.py",
    "autoflow_scorer/__main__.py",
    "autoflow_trainer/__main__.py",
    "autoflow_worker/__main__.py",
    "*.dist-info/METADATA",
    "*.dist-info/entry_points.txt",
    *(f"*.dist-info/licenses/{name}" for name in LICENSES),
)
"""Patterns of which each must match something, whatever the folders of the packages hold."""


def build_wheel(into: Path) -> Path:
    """Builds the wheel with the backend that is installed here.

    Raises:
        CalledProcessError: the build failed, and has said why.
    """
    return _build("build_wheel", into)


def build_sdist(into: Path) -> Path:
    """Builds the sdist; as `build_wheel`."""
    return _build("build_sdist", into)


def rebuild_wheel(sdist: Path, into: Path) -> Path:
    """Builds the wheel from what an sdist holds alone; as `build_wheel`."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        (source,) = Path(folder).iterdir()
        return _build("build_wheel", into, source)


def _build(hook: str, into: Path, source: Path = ROOT) -> Path:
    # In a process of its own: a backend expects the source as its working folder.
    program = f"import sys, hatchling.build as b; print(b.{hook}(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(into)]
    done = subprocess.run(command, cwd=source, stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    return into / done.stdout.split()[-1]


def files_of_wheel(path: Path) -> set[str]:
    """Returns the paths of all files in a wheel."""
    with zipfile.ZipFile(path) as wheel:
        return set(wheel.namelist())


def differences_of_wheels(one: Path, other: Path) -> list[str]:
    """Says which files two wheels do not both hold with the same content; empty where they are equal."""
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        found, expected = (
            {(entry.filename, entry.CRC, entry.file_size) for entry in wheel.infolist()}
            for wheel in (first, second)
        )
    return sorted({f"not in both alike: {name}" for name, _, _ in found ^ expected})


def files_of_sdist(path: Path) -> set[str]:
    """Returns the paths of all files in an sdist, without the folder that holds them all."""
    with tarfile.open(path) as sdist:
        members = [PurePosixPath(member.name) for member in sdist if not member.isdir()]
    return {str(PurePosixPath(*member.parts[1:])) for member in members}


def files_of_packages() -> set[str]:
    """Returns the paths that the wheel has for the files of the packages that pyproject.toml lists."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = [ROOT / name for name in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
    files = (
        path.relative_to(folder.parent) for folder in folders for path in folder.rglob("*") if path.is_file()
    )
    return {path.as_posix() for path in files if not is_junk(path.as_posix())}


def is_junk(path: str) -> bool:
    """Whether a file or a folder on its path is a cache, a build's or an environment's."""
    return any(fnmatch(part, pattern) for part in PurePosixPath(path).parts for pattern in JUNK)


def faults_of_wheel(files: set[str]) -> list[str]:
    """Says what a wheel has too much or too little; empty where it is right."""
    packaged = {path for path in files if not path.split("/")[0].endswith(".dist-info")}
    expected = files_of_packages()
    return [
        *(f"missing: {path}" for path in sorted(expected - packaged)),
        *(f"unexpected: {path}" for path in sorted(packaged - expected)),
        *_missing(files, IN_THE_WHEEL),
        *(f"junk: {path}" for path in sorted(files) if is_junk(path)),
    ]


def faults_of_sdist(files: set[str]) -> list[str]:
    """Says what an sdist has too much or too little; empty where it is right."""
    return [
        *_missing(files, IN_THE_SDIST),
        *(
            f"junk: {path}"
            for path in sorted(files)
            if is_junk(path) or path.split("/")[0] in FOREIGN_TO_THE_SDIST
        ),
    ]


def _missing(files: Iterable[str], patterns: Iterable[str]) -> list[str]:
    files = list(files)
    return [
        f"missing: {pattern}" for pattern in patterns if not any(fnmatch(path, pattern) for path in files)
    ]

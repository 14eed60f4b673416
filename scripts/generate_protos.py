"""Generates the Python code of the contracts in `protos/` into `src/`.

The path of a proto is its package and the import path of its code, so nothing is rewritten. The code is
committed and never edited: `--check` fails when it is not what the protos say, and is part of `make lint`.

Left out: code for `google/rpc/status.proto`, which is in `protos/` so that the linter finds it; its code
comes with the package googleapis-common-protos.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import sys
import sysconfig
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
SOURCES = ROOT / "src"
PACKAGES = ("autoflow/v1", "buf/validate")
"""The packages whose code is ours to generate."""

SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")
"""What the names of generated files end in."""


def generate(into: Path) -> None:
    """Generates the code of all packages.

    Args:
        into: the folder that becomes the root of the import path.

    Raises:
        SystemExit: protoc found a fault in a proto, and has said which.
    """
    for package in PACKAGES:
        protos = sorted((PROTOS / package).glob("*.proto"))
        # Only services have stubs; any other proto would get an empty `_grpc` module.
        with_services = [proto for proto in protos if "\nservice " in proto.read_text()]
        _protoc(protos, f"--python_out={into}", f"--mypy_out=quiet:{into}")
        if with_services:
            _protoc(with_services, f"--grpc_python_out={into}", f"--mypy_grpc_out=quiet:{into}")


def _protoc(protos: list[Path], *outputs: str) -> None:
    includes = (str(PROTOS), str(files("grpc_tools") / "_proto"))
    # By path: the environment's scripts need not be on PATH.
    scripts = Path(sysconfig.get_path("scripts"))
    plugins = [f"--plugin={name}={scripts / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    arguments = ["protoc", *(f"-I{folder}" for folder in includes), *plugins, *outputs, *map(str, protos)]
    if status := protoc.main(arguments):
        sys.exit(status)


def generated(root: Path) -> set[Path]:
    """Returns the generated files under a root of the import path, relative to it."""
    return {
        path.relative_to(root)
        for package in PACKAGES
        for path in (root / package).glob("*")
        if path.name.endswith(SUFFIXES)
    }


def stale(fresh: Path) -> list[Path]:
    """Returns the files whose committed code differs from the fresh code, relative to `src/`."""
    return [
        path
        for path in sorted(generated(fresh) | generated(SOURCES))
        if not (fresh / path).is_file()
        or not (SOURCES / path).is_file()
        or not filecmp.cmp(fresh / path, SOURCES / path, shallow=False)
    ]


def main() -> None:
    """Writes the code, or with `--check` compares it with what is committed."""
    parser = argparse.ArgumentParser(description="Generates the Python code of the contracts.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the code is stale")
    check: bool = parser.parse_args().check

    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name)
        generate(fresh)
        differing = stale(fresh)
        if check:
            if differing:
                sys.exit("stale, run `make protos`: " + ", ".join(map(str, differing)))
            return
        for path in differing:
            target = SOURCES / path
            if (fresh / path).is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(fresh / path, target)
            else:
                target.unlink()


if __name__ == "__main__":
    main()

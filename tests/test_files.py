"""Files are there as a whole or not at all."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from autoflow.files import make_folder, replacing

# Tells what is done to the file system, in order.
WATCHED = """
import json, sys
from pathlib import Path
from autoflow.files import make_folder, replacing

seen = []
def watch(event, args):
    if event in ("open", "os.rename", "os.mkdir") and not isinstance(args[0], int):
        seen.append((event, *(str(each) for each in args[: 1 + (event == "os.rename")])))

folder = Path(sys.argv[1])
sys.addaudithook(watch)
make_folder(folder / "a" / "b")
with replacing(folder / "a" / "b" / "file") as file:
    file.write(b"new")
print(json.dumps(seen))
"""


def test_a_file_is_written_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    for content in (b"new", b"newer"):
        with replacing(tmp_path / "file") as file:
            file.write(content)
        assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", content)]


def test_a_block_that_fails_changes_nothing(tmp_path: Path) -> None:
    def fail_at_half(file: BinaryIO) -> None:
        file.write(b"half")
        raise KeyError

    (tmp_path / "file").write_text("old")
    with pytest.raises(KeyError), replacing(tmp_path / "file") as file:
        fail_at_half(file)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("file", "old")]


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
        with pytest.raises(OSError, match="large"), replacing(tmp_path / "file") as file:
            file.write(b"more than ten bytes")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("file", "old")]


def test_a_new_file_has_the_mode_that_is_wanted_and_a_replaced_one_keeps_its_own(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with replacing(file, 0o600):
        pass
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o751)
    with replacing(file):
        pass
    assert file.stat().st_mode & 0o777 == 0o751


def test_the_folder_is_brought_to_the_disk_after_each_new_name(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHED, str(tmp_path)]
    seen = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    a, b = tmp_path / "a", tmp_path / "a" / "b"
    fresh = seen[4][1]
    assert os.path.dirname(fresh) == str(b)
    assert seen == [
        ["os.mkdir", str(a)],
        ["open", str(tmp_path)],
        ["os.mkdir", str(b)],
        ["open", str(a)],
        ["open", fresh],
        ["os.rename", fresh, str(b / "file")],
        ["open", str(b)],
    ]


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    make_folder(tmp_path)
    assert (tmp_path / "file").exists()

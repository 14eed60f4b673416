"""What an adapter is called on a server: told by who made it, and never one name for two contents."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.llm.openai.lora.names import ORIGIN, served_name

DIGEST = "0123456789abcdef" * 4


def name_of(folder: Path, origin: bytes, digest: str = DIGEST) -> str:
    (folder / ORIGIN).write_bytes(origin)
    return served_name(folder, digest)


@pytest.mark.parametrize("run", ["runs/r.7_b-1", "r.7_b-1"])
def test_it_says_which_run_made_it(tmp_path: Path, run: str) -> None:
    origin = json.dumps({"run": run, "version": 12, "more": [1]}).encode()
    assert name_of(tmp_path, origin) == "r.7_b-1-v12-01234567"


def test_without_an_origin_it_is_the_digest(tmp_path: Path) -> None:
    assert served_name(tmp_path, DIGEST) == "adapter-0123456789ab"


@pytest.mark.parametrize(
    "said",
    [
        {"run": "runs/../../etc", "version": 1},
        {"run": "runs/a/b", "version": 1},
        {"run": "a b", "version": 1},
        {"run": "", "version": 1},
        {"run": "r" * 65, "version": 1},
        {"run": "r\n", "version": 1},
        {"run": "r", "version": True},
        {"run": "r", "version": -1},
        {"run": "r", "version": 1.0},
        {"run": "r", "version": 10**10},
        {"run": 7, "version": 1},
        {"run": "r", "version": 1, "filled": "x" * 5000},
        ["r", 1],
    ],
)
def test_what_is_no_origin_is_none(tmp_path: Path, said: object) -> None:
    assert name_of(tmp_path, json.dumps(said).encode()) == "adapter-0123456789ab"


@given(
    origin=st.binary(max_size=80)
    | st.fixed_dictionaries(
        {"run": st.text(max_size=20) | st.none(), "version": st.integers() | st.text(max_size=3)}
    ).map(lambda said: json.dumps(said).encode()),
    digests=st.tuples(*[st.text("0123456789abcdef", min_size=64, max_size=64)] * 2).filter(
        lambda both: both[0][:8] != both[1][:8]
    ),
)
def test_any_folder_has_a_plain_name_and_another_content_another(
    tmp_path_factory: pytest.TempPathFactory, origin: bytes, digests: tuple[str, str]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    first, second = (name_of(folder, origin, digest) for digest in digests)
    assert first != second
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", first, re.ASCII)

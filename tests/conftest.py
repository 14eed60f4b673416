"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

# Before anything imports torch. The models of tests are so small that threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test may load anything from a network.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from hypothesis import settings

# A shell has what it starts in the background ignore SIGINT, and so would the commands that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Deadlines measure the machine, not the code.
settings.register_profile("autoflow", deadline=None, print_blob=True)
settings.load_profile("autoflow")

pytest_plugins = ["tests.databases"]


@pytest.fixture(autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives each test a home of its own: no test finds what another, or a person, has left in one."""
    caches = Path.home()
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp() / "homes" / os.urandom(8).hex()))
    # What is downloaded once serves all.
    monkeypatch.setenv("NPM_CONFIG_CACHE", os.environ.get("NPM_CONFIG_CACHE") or str(caches / ".npm"))
    monkeypatch.setenv("PIP_CACHE_DIR", os.environ.get("PIP_CACHE_DIR") or str(caches / ".cache" / "pip"))

"""What holds for all tests."""

from __future__ import annotations

import os

# Before anything imports torch. The models of tests are so small that threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test may load anything from a network.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from hypothesis import settings

# Deadlines measure the machine, not the code.
settings.register_profile("autoflow", deadline=None, print_blob=True)
settings.load_profile("autoflow")

pytest_plugins = ["tests.databases"]

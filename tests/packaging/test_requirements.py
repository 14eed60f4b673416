"""What each extra brings along."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts.requirements import DISTRIBUTION, closure, constraints, installed

TORCH = {"torch", "transformers", "peft", "xgrammar", "accelerate", "triton"}
SERVICES = ["experts", "generator", "interpreter", "scorer", "trainer"]
TORCH_FREE = ["experts", "generator", "interpreter", "trainer", "server", "cli"]


def test_the_client_needs_little() -> None:
    assert closure() == {
        "googleapis-common-protos",
        "grpcio",
        "grpcio-status",
        "protobuf",
        "typing-extensions",
    }


@pytest.mark.parametrize("extra", TORCH_FREE)
def test_no_torch_comes_along(extra: str) -> None:
    assert not closure(extra) & TORCH


def test_the_walk_would_find_torch() -> None:
    assert closure("training") >= TORCH - {"triton"}


def test_experts_that_are_models_bring_torch_and_no_torchvision() -> None:
    assert closure("experts-pretrained") > closure("experts") | {"torch", "transformers", "safetensors"}
    assert not closure("dev") & {"torchvision", "timm"}


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="some requirements are of one platform only, and the list is that of Linux on x86-64",
)
def test_the_constraints_are_what_the_development_installation_needs() -> None:
    assert set(constraints()) == closure("dev")


def test_what_is_installed_is_what_the_constraints_say() -> None:
    versions = installed("dev")

    assert versions == {name: constraints()[name] for name in versions}


def test_torch_is_one_exact_version() -> None:
    requirements = [Requirement(line) for line in distribution(DISTRIBUTION).requires or []]

    asked_for = {str(found.specifier) for found in requirements if found.name == "torch"}

    assert asked_for == {f"=={constraints()['torch']}"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_built_without_torch(service: str, tmp_path: Path) -> None:
    # Experts look at pictures.
    without = set() if service == "experts" else {"numpy"}
    program = f"""
import sys
for name in {sorted(TORCH | {"tokenizers", "safetensors", "matplotlib"} | without)}:
    sys.modules[name] = None  # An import of it fails.
from autoflow.server.compose import load_builder, local_environment
from pathlib import Path
others = {{f"AUTOFLOW_{{other.upper()}}_ADDRESS": "127.0.0.1:1" for other in {SERVICES}}}
print(load_builder({service!r})(local_environment(Path({str(tmp_path)!r}), others)).name)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.stdout, done.returncode) == (f"{service}\n", 0), done.stderr

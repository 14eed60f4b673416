"""Models behind the service, over a real channel."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoflow.client import Client, ClientSettings, RetrySettings, errors
from autoflow.convert import tool_from_proto
from autoflow.suites.planning import TOOLS
from autoflow.testing import serving
from autoflow.v1.task_pb2 import Content
from autoflow.v1.tool_service_pb2 import CallToolRequest, ListToolsRequest, ToolSample
from autoflow_experts import build
from tests.experts.pretrained.pictures import picture

ONCE = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01))


def environment(place: Path, experts: Mapping[str, Mapping[str, Any]], **more: str) -> dict[str, str]:
    """Settings of a service with models."""
    file = place / "experts.yaml"
    file.write_text(yaml.safe_dump({"experts": dict(experts)}))
    return {"AUTOFLOW_EXPERTS_FILE": str(file), **more}


def model(folder: Path, **more: Any) -> dict[str, Any]:
    return {"implementation": "pretrained", "model": str(folder), **more}


def texts(tool: str, *said: str) -> CallToolRequest:
    return CallToolRequest(tool=tool, samples=[ToolSample(inputs=[Content(text=text)]) for text in said])


def images(tool: str, *shown: bytes) -> CallToolRequest:
    return CallToolRequest(tool=tool, samples=[ToolSample(inputs=[Content(image=one)]) for one in shown])


async def test_models_and_classic_experts_serve_side_by_side(
    folders: Mapping[str, Path], tmp_path: Path
) -> None:
    env = environment(
        tmp_path,
        {name: model(folders[name]) for name in ("Sentiment Analysis", "Image Classification")}
        | {"Fill Mask": {"implementation": "classic"}, "Machine Translation": model(tmp_path / "nowhere")},
    )
    async with serving(build(env)) as address, Client(experts=address, settings=ONCE) as client:
        listed = (await client.experts.list_tools(ListToolsRequest())).tools
        with pytest.raises(errors.Unavailable, match="'nowhere' of 'Machine Translation' cannot be had"):
            await client.experts.call_tool(texts("Machine Translation", "a fish"))
        said = (await client.experts.call_tool(texts("Sentiment Analysis", "a fish", "the sea"))).results
        seen = (await client.experts.call_tool(images("Image Classification", picture(0), b"none"))).results
        classic = (await client.experts.call_tool(texts("Fill Mask", "nothing"))).results

    assert tuple(map(tool_from_proto, listed)) == TOOLS
    assert {result.output.text for result in said} <= {"positive", "negative"}
    assert seen[0].output.text in {"meadow", "sea", "city"}
    assert seen[1].failure.message.startswith("the picture cannot be used")
    assert classic[0].failure.message == "the text has no gap: a gap is written [MASK]"


_BUILT = """
import sys
from autoflow.settings import SettingsError
from autoflow_experts import build
build({"AUTOFLOW_EXPERTS_FILE": sys.argv[1]})
print("torch" in sys.modules)
sys.modules["torch"] = None  # As if it were not installed.
try:
    build({"AUTOFLOW_EXPERTS_FILE": sys.argv[1]})
except SettingsError as error:
    print(error)
"""


def test_a_service_is_built_without_torch_and_says_where_it_lacks(tmp_path: Path) -> None:
    file = environment(tmp_path, {"Fill Mask": model(tmp_path)})["AUTOFLOW_EXPERTS_FILE"]
    done = subprocess.run(
        [sys.executable, "-c", _BUILT, file], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "False",
        "AUTOFLOW_EXPERTS_FILE: models need torch: pip install 'autoflow-services[experts-pretrained]'",
    ]

"""Whatever a sample holds, it has a result: an output of the tool's type, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoflow.images import ImageLimits
from autoflow.suites import Content, ContentType, Tool
from autoflow.suites.planning import TOOLS
from autoflow_experts.experts import Failure
from autoflow_experts.pretrained.catalogue import ModelSpec
from autoflow_experts.pretrained.expert import Network
from autoflow_experts.pretrained.networks.load import Machine, load_network
from tests.experts.pretrained.folders import FOLDERS
from tests.experts.pretrained.pictures import picture

TEXTS = st.text(max_size=60) | st.sampled_from(["[MASK]", "</s> [SEP]", "\u200b", "\x00\x01", "fish " * 200])
PICTURES = st.builds(picture, st.integers(0, 3), st.integers(1, 40), st.integers(1, 40)) | st.binary(
    max_size=9
)


@pytest.fixture(scope="module")
def networks(folders: Mapping[str, Path]) -> Mapping[str, Network]:
    machine = Machine("cpu", "float32", 4096, ImageLimits())
    return {tool: load_network(ModelSpec(tool, str(folder)), machine) for tool, folder in folders.items()}


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool.name in FOLDERS], ids=lambda tool: tool.name)
def test_in_bfloat16_it_takes_less_memory(
    folders: Mapping[str, Path], networks: Mapping[str, Network], tool: Tool
) -> None:
    spec = ModelSpec(tool.name, str(folders[tool.name]), dtype="bfloat16")
    network = load_network(spec, Machine("cpu", "float32", 4096, ImageLimits()))
    kinds: Mapping[ContentType, Content] = {ContentType.TEXT: "a [MASK] fish", ContentType.IMAGE: picture(0)}

    [result] = network.apply([[kinds[kind] for kind in tool.inputs]])

    assert isinstance(result, str if tool.output is ContentType.TEXT else bytes)
    assert network.bytes < 0.8 * networks[tool.name].bytes


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool.name in FOLDERS], ids=lambda tool: tool.name)
def test_it_has_a_result(networks: Mapping[str, Network], tool: Tool, data: st.DataObject) -> None:
    sample = st.tuples(*(TEXTS if kind is ContentType.TEXT else PICTURES for kind in tool.inputs))
    samples: list[tuple[Content, ...]] = data.draw(st.lists(sample, min_size=1, max_size=4))

    results = list(networks[tool.name].apply(samples))

    assert len(results) == len(samples)
    wanted = str if tool.output is ContentType.TEXT else bytes
    assert all(isinstance(result, wanted | Failure) for result in results)

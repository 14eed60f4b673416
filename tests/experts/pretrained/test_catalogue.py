"""The file that says which tools are models."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoflow.settings import SettingsError
from autoflow.suites.planning import TOOLS
from autoflow_experts import build
from autoflow_experts.pretrained.catalogue import CLASSIC_ALONE, OPTIONS, ModelSpec, read_experts

EXAMPLE = Path(__file__).parents[3] / "examples" / "experts.yaml"


def written(place: Path, text: str) -> str:
    file = place / "experts.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_every_tool_is_a_model_or_classic_alone() -> None:
    assert sorted([*OPTIONS, *CLASSIC_ALONE]) == sorted(tool.name for tool in TOOLS)


def test_the_example_gives_models_to_the_tools_that_openagi_has_in_transformers() -> None:
    specs = read_experts(str(EXAMPLE))

    assert set(specs) == set(OPTIONS) - {"Image Deblurring", "Image Denoising"}
    assert specs["Machine Translation"] == ModelSpec(
        "Machine Translation",
        "google-t5/t5-base",
        prefix="translate English to German: ",
        max_new_tokens=256,
    )
    assert specs["Image Captioning"].revision == "refs/pr/37"
    assert specs["Object Detection"].threshold == 0.5


def test_every_option_is_read(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        experts:
          Object Detection: {implementation: pretrained, model: /a/b, threshold: 0, dtype: bfloat16}
          Text Summarization:
            {implementation: pretrained, model: c/d, revision: v1, max_new_tokens: 9, prefix: p}
          Fill Mask: {implementation: classic}
        """,
    )

    assert read_experts(file) == {
        "Object Detection": ModelSpec("Object Detection", "/a/b", dtype="bfloat16", threshold=0.0),
        "Text Summarization": ModelSpec(
            "Text Summarization", "c/d", revision="v1", max_new_tokens=9, prefix="p"
        ),
    }


@pytest.mark.parametrize(
    ("source", "name"), [("some/one", "some/one"), ("/our/own/model", "model"), ("~/model", "model")]
)
def test_callers_learn_no_folders(source: str, name: str) -> None:
    assert ModelSpec("Fill Mask", source).name == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("experts: [", "it is not YAML"),
        ("experts: {Fill Mask: {}, Fill Mask: {}}", "a key is there twice"),
        ("", "Input should be a valid dictionary"),
        ("models: {}", r"experts \(line 1\): Field required"),
        ("experts: {Fill Mask: {}}", r"experts.Fill Mask.implementation \(line 1\): Field required"),
        (
            "experts: {Fill Mask: {implementation: own}}",
            r"experts.Fill Mask.implementation \(line 1\): Input should be",
        ),
        (
            "experts: {Fill Mask: {implementation: pretrained}}",
            r"experts.Fill Mask \(line 1\): .*model is missing",
        ),
        (
            "experts: {Fill Mask: {implementation: classic, model: a}}",
            r"experts.Fill Mask \(line 1\): .*model belongs to the implementation pretrained",
        ),
        (
            "experts: {Fill Mask: {implementation: pretrained, model: a, prefix: b}}",
            "Fill Mask: prefix is no option of this tool",
        ),
        (
            "experts: {Image Captioning: {implementation: pretrained, model: a, max_new_tokens: 0}}",
            r"experts.Image Captioning.max_new_tokens \(line 1\): Input should be greater than or equal to 1",
        ),
        (
            "experts: {Fill Mask: {implementation: pretrained, model: a, modle: b}}",
            r"experts.Fill Mask.modle \(line 1\): Extra inputs are not permitted",
        ),
        (
            "experts: {Colorization: {implementation: pretrained, model: a}}",
            "Colorization: no model of transformers does this; leave it classic",
        ),
        (
            "experts: {Masks: {implementation: classic}}",
            "no tool is named 'Masks'; there are: Colori",
        ),
        (
            "experts: {Fill Mask: {implementation: pretrained, model: a, dtype: int8}}",
            r"experts.Fill Mask.dtype \(line 1\): Input should be 'float32', 'bfloat16' or 'float16'",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"AUTOFLOW_EXPERTS_FILE: .*experts.yaml.*{message}"):
        build({"AUTOFLOW_EXPERTS_FILE": written(tmp_path, text)})


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(SettingsError, match=r"AUTOFLOW_EXPERTS_FILE: /nowhere\.yaml: No such file"):
        build({"AUTOFLOW_EXPERTS_FILE": "/nowhere.yaml"})


def test_a_dtype_that_is_none_is_told(tmp_path: Path) -> None:
    env = {
        "AUTOFLOW_EXPERTS_FILE": written(tmp_path, "experts: {}"),
        "AUTOFLOW_EXPERTS_DTYPE": "int8",
    }
    with pytest.raises(SettingsError, match="AUTOFLOW_EXPERTS_DTYPE: int8 is none of float32, b"):
        build(env)

"""Which tools are models of transformers, and which: what an operator's file says.

experts:
  Image Captioning:
    implementation: pretrained
    model: nlpconnect/vit-gpt2-image-captioning   # an id on a hub, or a folder
  Colorization:
    implementation: classic                       # as every tool that is not named

Importing this module imports what reads such a file; an installation of experts without weights lacks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from autoflow.settings_file import read_settings_file

Dtype: TypeAlias = Literal["float32", "bfloat16", "float16"]
DTYPES: tuple[str, ...] = get_args(Dtype)

_GENERATES = frozenset({"max_new_tokens"})
_FROM_TEXT = frozenset({"max_new_tokens", "prefix"})
OPTIONS: Mapping[str, frozenset[str]] = {
    "Fill Mask": frozenset(),
    "Image Captioning": _GENERATES,
    "Image Classification": frozenset(),
    "Image Deblurring": frozenset(),
    "Image Denoising": frozenset(),
    "Image Super Resolution": frozenset(),
    "Machine Translation": _FROM_TEXT,
    "Object Detection": frozenset({"threshold"}),
    "Question Answering": frozenset(),
    "Sentiment Analysis": frozenset(),
    "Text Summarization": _FROM_TEXT,
    "Visual Question Answering": frozenset(),
}
"""The tools that a model of transformers can do, and what is set of it beside what is set of all."""
CLASSIC_ALONE = ("Colorization", "Text to Image Generation")
"""The tools that no model of transformers does."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A tool's model as the file has it."""

    tool: str
    source: str
    """A folder, or a model's id on a hub."""
    revision: str | None = None
    """Of a model on a hub: a branch, a tag or a commit; None for the main branch."""
    dtype: Dtype | None = None
    """Of weights and hidden states; None for the service's."""
    max_new_tokens: int | None = None
    """The longest text that it writes; None for what the model says of itself."""
    prefix: str = ""
    """What is put before every text."""
    threshold: float = 0.9
    """How sure of an object it must be, 0 to 1, to name it."""

    @property
    def name(self) -> str:
        """What callers know the model by: its id, or of a folder's path the last part."""
        return Path(self.source).name if self.source.startswith(("/", "~")) else self.source


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Expert(_Strict):
    implementation: Literal["classic", "pretrained"]
    model: str | None = Field(default=None, min_length=1, max_length=256)
    revision: str | None = Field(default=None, min_length=1, max_length=256)
    dtype: Dtype | None = None
    max_new_tokens: int | None = Field(default=None, ge=1, le=1024)
    prefix: str | None = Field(default=None, max_length=200)
    threshold: float | None = Field(default=None, ge=0, le=1)

    @property
    def given(self) -> frozenset[str]:
        """The options that are set."""
        return frozenset(name for name, value in self if name != "implementation" and value is not None)

    @model_validator(mode="after")
    def _models_are_of_the_pretrained(self) -> Self:
        if self.implementation == "pretrained" and self.model is None:
            raise ValueError("model is missing: the id of one on a hub, or a folder")
        if self.implementation == "classic" and self.given:
            raise ValueError(f"{min(self.given)} belongs to the implementation pretrained")
        return self


class _File(_Strict):
    experts: dict[str, _Expert]

    @model_validator(mode="after")
    def _tools_take_their_options(self) -> Self:
        for tool, expert in self.experts.items():
            if tool not in (*OPTIONS, *CLASSIC_ALONE):
                known = ", ".join(sorted((*OPTIONS, *CLASSIC_ALONE)))
                raise ValueError(f"no tool is named {tool!r}; there are: {known}")
            if expert.implementation == "classic":
                continue
            if tool in CLASSIC_ALONE:
                raise ValueError(f"{tool}: no model of transformers does this; leave it classic")
            if wrong := expert.given - OPTIONS[tool] - {"model", "revision", "dtype"}:
                raise ValueError(f"{tool}: {min(wrong)} is no option of this tool")
        return self


def read_experts(file: str) -> dict[str, ModelSpec]:
    """The tools that a file gives a model.

    Args:
        file: its path.

    Returns:
        By the name of the tool; the others are classic.

    Raises:
        SettingsError: it cannot be read, or says something else than experts.
    """
    read = read_settings_file(_File, Path(file), "AUTOFLOW_EXPERTS_FILE")
    return {
        tool: ModelSpec(tool, expert.model, **expert.model_dump(include=set(_OPTIONAL & expert.given)))
        for tool, expert in read.experts.items()
        if expert.model is not None
    }


_OPTIONAL = frozenset({"revision", "dtype", "max_new_tokens", "prefix", "threshold"})

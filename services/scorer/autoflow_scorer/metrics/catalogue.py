"""Which neural metrics there are, and with which models: those that are shipped, and those of a file.

metrics:
  bertscore:                  # takes the place of the shipped one
    kind: bertscore
    model: FacebookAI/roberta-large
    layer: 17
  clip-large:                 # one more
    kind: clip
    model: /models/clip-vit-large-patch14
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from autoflow.settings_file import read_settings_file
from autoflow.suites import ContentType
from autoflow_scorer.metrics.base import Comparison, MetricDescription, ReferenceType

Kind: TypeAlias = Literal["bertscore", "clip", "vit"]


@dataclass(frozen=True, slots=True)
class NeuralSpec:
    """A neural metric as the catalogue has it."""

    name: str
    kind: Kind
    source: str
    """A folder, or a model's id on a hub."""
    model: str
    """The model, as callers read it."""
    layer: int | None = None
    """Of BERTScore: whose states are compared, counted from 1; None for the last."""

    def describe(self) -> MetricDescription:
        """What the metric measures."""
        summary, comparisons, minimum, components = _KINDS[self.kind]
        return MetricDescription(
            self.name, summary, comparisons, minimum=minimum, components=components, model=self.model
        )


_IMAGE, _TEXT = ContentType.IMAGE, ContentType.TEXT
_KINDS: Mapping[str, tuple[str, tuple[Comparison, ...], float, tuple[str, ...]]] = {
    "bertscore": (
        "BERTScore's F1: how well each token's embedding is matched by one of the other text.",
        (Comparison(_TEXT, ReferenceType.TEXT),),
        0.0,
        ("precision", "recall"),
    ),
    "clip": (
        "Cosine of the CLIP embeddings of a picture and a text, not multiplied by any factor.",
        (Comparison(_IMAGE, ReferenceType.TEXT), Comparison(_TEXT, ReferenceType.IMAGE)),
        -1.0,
        (),
    ),
    "vit": (
        "Cosine of the ViT embeddings of two pictures: 1 for equal ones, so larger is better.",
        (Comparison(_IMAGE, ReferenceType.IMAGE),),
        -1.0,
        (),
    ),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Metric(_Strict):
    kind: Kind
    model: str = Field(min_length=1, max_length=256)
    layer: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _layers_are_of_bertscore(self) -> Self:
        if self.layer is not None and self.kind != "bertscore":
            raise ValueError("layer belongs to metrics of kind bertscore")
        return self


class _File(_Strict):
    metrics: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")], _Metric]


def shipped() -> list[NeuralSpec]:
    """The metrics with the models that come with the scorer."""
    towers = resources.files("autoflow_scorer") / "towers"
    return [
        NeuralSpec(name, kind, str(towers / folder), f"{folder} (shipped)") for name, kind, folder in _SHIPPED
    ]


_SHIPPED: tuple[tuple[str, Kind, str], ...] = (
    ("bertscore", "bertscore", "text"),
    ("clip", "clip", "clip"),
    ("vit", "vit", "vit"),
)


def read_metrics(file: str) -> list[NeuralSpec]:
    """The shipped metrics and those of a file, which take the place of others of their name.

    Args:
        file: its path; empty for none.

    Raises:
        SettingsError: it cannot be read, or says something else than metrics.
    """
    specs = {spec.name: spec for spec in shipped()}
    if file:
        for name, metric in read_settings_file(_File, Path(file), "AUTOFLOW_METRICS").metrics.items():
            # A folder's path is an affair of this machine: callers see its name.
            model = Path(metric.model).name if Path(metric.model).is_absolute() else metric.model
            specs[name] = NeuralSpec(name, metric.kind, metric.model, model, metric.layer)
    return list(specs.values())

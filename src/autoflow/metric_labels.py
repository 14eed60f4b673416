"""The metrics of evaluations in words, for tables and pages alike."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "clip": "CLIP Score",
        "bertscore": "BERT Score",
        "vit": "ViT Score",
        "plan_f1": "plan F1",
        "constraints": "constraints",
    }
)
"""By the metrics' names in messages; a suite may have others."""

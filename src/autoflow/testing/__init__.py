"""What tests need, of this project and of those who build on it: real servers and small fakes."""

from __future__ import annotations

from autoflow.testing.gates import GatedModel, catalogue_of
from autoflow.testing.models import ScriptedCall, ScriptedModel
from autoflow.testing.servers import in_process, serving
from autoflow.testing.services import scripted_interpreter, scripted_scorer

__all__ = [
    "GatedModel",
    "ScriptedCall",
    "ScriptedModel",
    "catalogue_of",
    "in_process",
    "scripted_interpreter",
    "scripted_scorer",
    "serving",
]

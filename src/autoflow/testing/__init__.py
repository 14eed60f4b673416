"""What tests need, of this project and of those who build on it: real servers and small fakes.

Left out of these names: `autoflow.testing.random_model`, which writes small models for the local provider. It
imports torch, so whoever needs it imports that module.
"""

from __future__ import annotations

from autoflow.testing.endpoint import Fault, FaultPlan, Refusal, ScriptedEndpoint
from autoflow.testing.executions import ScriptedExecutions
from autoflow.testing.gates import GatedModel, catalogue_of, entry_of
from autoflow.testing.interpreters import ScriptedInterpreter
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.testing.models import ScriptedCall, ScriptedEmbedder, ScriptedModel
from autoflow.testing.servers import in_process, serving
from autoflow.testing.services import scripted_interpreter, scripted_scorer
from autoflow.testing.tools import ScriptedTools, answer_each

__all__ = [
    "CoroutineLauncher",
    "Fault",
    "FaultPlan",
    "GatedModel",
    "Refusal",
    "ScriptedCall",
    "ScriptedEmbedder",
    "ScriptedEndpoint",
    "ScriptedExecutions",
    "ScriptedInterpreter",
    "ScriptedModel",
    "ScriptedTools",
    "answer_each",
    "catalogue_of",
    "entry_of",
    "in_process",
    "scripted_interpreter",
    "scripted_scorer",
    "serving",
]

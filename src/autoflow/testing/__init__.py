"""What tests need, of this project and of those who build on it: real servers and small fakes.

Left out of these names, and imported by whoever needs it: `autoflow.testing.random_model`, which writes small
models for the local provider with torch; what carries out workflows by a script (`random_workflows`,
`scripted_workflow`, `scripted_replies`, `scripted_chat`, `simple_tools`), what writes them badly
(`scripted_writer`), and what writes them and carries them out, well or not (`skilled_model`); `vllm`, servers
that take adapters; and `processes`, services in processes of their own that can be killed.
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

"""How a policy learns from rewards: the methods, by name.

A method turns rewarded samples into weighted likelihood terms; it knows nothing of models, services or torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from autoflow_worker.methods.base import LoraSettings, Method, Rollout, TrainingSettings
from autoflow_worker.methods.raft import Raft
from autoflow_worker.methods.reinforce import Reinforce
from autoflow_worker.methods.rloo import Rloo

__all__ = ["METHODS", "LoraSettings", "Method", "Raft", "Reinforce", "Rloo", "Rollout", "TrainingSettings"]

METHODS: Mapping[str, type[Method]] = MappingProxyType({"reinforce": Reinforce, "rloo": Rloo, "raft": Raft})

"""The typed client of AutoFlow's services.

    async with Client(scorer="127.0.0.1:50053") as client:
        response = await client.scorer.score_outputs(ScoreOutputsRequest(...))

Requests and responses are the generated messages of `autoflow.v1`; every call has a deadline; errors are
those of `autoflow.client.errors`. The worker's side of the trainer is in `autoflow.client.worker`.
"""

from __future__ import annotations

from autoflow.client.client import Client
from autoflow.client.errors import ErrorDetails, FieldViolation, RpcError
from autoflow.client.generator import GeneratorClient
from autoflow.client.interpreter import InterpreterClient
from autoflow.client.registry import RegistryClient
from autoflow.client.scorer import ScorerClient
from autoflow.client.settings import ClientSettings, RetrySettings
from autoflow.client.sync import SyncClient
from autoflow.client.tools import ToolClient
from autoflow.client.trainer import TrainerClient

__all__ = [
    "Client",
    "ClientSettings",
    "ErrorDetails",
    "FieldViolation",
    "GeneratorClient",
    "InterpreterClient",
    "RegistryClient",
    "RetrySettings",
    "RpcError",
    "ScorerClient",
    "SyncClient",
    "ToolClient",
    "TrainerClient",
]

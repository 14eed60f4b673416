"""The public names are a decision, not an accident. Those of `client` and `language` are tested elsewhere."""

from __future__ import annotations

import inspect
from types import ModuleType

from autoflow import errors, llm, testing
from autoflow.client import errors as client_errors


def test_errors() -> None:
    assert _exceptions(errors) == [
        "Aborted",
        "AlreadyExists",
        "AutoFlowError",
        "Cancelled",
        "DataLoss",
        "DeadlineExceeded",
        "FailedPrecondition",
        "InvalidArgument",
        "NotFound",
        "ResourceExhausted",
        "Unauthenticated",
        "Unavailable",
    ]


def test_errors_of_the_client() -> None:
    assert _exceptions(client_errors) == [
        "Aborted",
        "AlreadyExists",
        "Cancelled",
        "DataLoss",
        "DeadlineExceeded",
        "FailedPrecondition",
        "Internal",
        "InvalidArgument",
        "NotFound",
        "PermissionDenied",
        "ResourceExhausted",
        "RpcError",
        "Unauthenticated",
        "Unavailable",
        "Unimplemented",
        "Unknown",
    ]


def test_llm() -> None:
    assert sorted(llm.__all__) == [
        "Capabilities",
        "Completion",
        "Constraint",
        "Embedder",
        "FinishReason",
        "Grammar",
        "JsonSchema",
        "LanguageModel",
        "LanguageModelError",
        "Message",
        "ModelOverloaded",
        "ModelRejected",
        "ModelUnavailable",
        "PromptTooLong",
        "Role",
        "Sampling",
        "ToolCall",
        "ToolSpec",
        "UnknownAdapter",
        "UnknownModel",
        "Unsupported",
        "Usage",
        "Vector",
    ]
    assert all(hasattr(llm, name) for name in llm.__all__)


def test_testing() -> None:
    assert sorted(testing.__all__) == [
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
    assert all(hasattr(testing, name) for name in testing.__all__)


def _exceptions(module: ModuleType) -> list[str]:
    return [
        name
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ == module.__name__
    ]

"""Wires the interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from autoflow.admission import Admission
from autoflow.llm.catalogue import Catalogue, default_catalogue
from autoflow.server import Endpoint, Service
from autoflow.settings import from_env
from autoflow.v1.interpreter_service_pb2_grpc import add_InterpreterServiceServicer_to_server
from autoflow_interpreter.interpreter import Interpreter
from autoflow_interpreter.servicer import InterpreterServicer


@dataclass(frozen=True, slots=True)
class InterpreterSettings:
    """Settings of the interpreter, `AUTOFLOW_INTERPRETER_MAX_EXECUTIONS` and so on."""

    interpreter_max_executions: int = 512
    """Executions under way; one more is refused with RESOURCE_EXHAUSTED."""
    interpreter_max_tokens: int = 128
    """The limit of one step's answer where a request gives none."""


def build(env: Mapping[str, str], catalogue: Catalogue | None = None) -> Service:
    """Wires the service; opens and loads nothing yet.

    Args:
        env: the environment that settings are read from.
        catalogue: the models, closed when the service stops. Default: `default_catalogue`.
    """
    settings = from_env(InterpreterSettings, env)
    catalogue = default_catalogue(env) if catalogue is None else catalogue
    interpreter = Interpreter(catalogue, Admission(settings.interpreter_max_executions, "executions"))
    servicer = InterpreterServicer(interpreter, max_tokens=settings.interpreter_max_tokens)
    register = partial(add_InterpreterServiceServicer_to_server, servicer)
    return Service(
        name="interpreter",
        endpoints=(Endpoint("autoflow.v1.InterpreterService", register),),
        start=catalogue.start,
        stop=catalogue.close,
        ready=catalogue.ready,
    )

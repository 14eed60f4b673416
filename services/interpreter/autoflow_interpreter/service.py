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
from autoflow_interpreter.plan_execution import PlanExecutor
from autoflow_interpreter.remote_tools import RemoteTools
from autoflow_interpreter.servicer import InterpreterServicer


@dataclass(frozen=True, slots=True)
class InterpreterSettings:
    """Settings of the interpreter, `AUTOFLOW_INTERPRETER_MAX_EXECUTIONS` and so on."""

    interpreter_max_executions: int = 512
    """Executions under way; one more is refused with RESOURCE_EXHAUSTED."""
    interpreter_max_tokens: int = 128
    """The limit of one step's answer where a request gives none."""
    interpreter_max_plans: int = 64
    """Plans under way, without those that workflows end in; one more is refused with RESOURCE_EXHAUSTED."""
    interpreter_max_tool_calls: int = 8
    """Calls under way to one provider of tools; further ones wait."""
    interpreter_tool_seconds: float = 120.0
    """The most that one call of a tool may take."""
    tool_providers: str = ""
    """`host:port` of servers of ToolService, separated by commas; the first that has a tool is used."""
    experts_address: str = ""
    """`host:port` of the experts, the last of the providers; `autoflow up` sets it."""

    @property
    def providers(self) -> tuple[str, ...]:
        """The addresses of all providers of tools, in their order."""
        named = (address.strip() for address in (*self.tool_providers.split(","), self.experts_address))
        return tuple(dict.fromkeys(address for address in named if address))


def build(env: Mapping[str, str], catalogue: Catalogue | None = None) -> Service:
    """Wires the service; opens and loads nothing yet.

    Args:
        env: the environment that settings are read from.
        catalogue: the models, closed when the service stops. Default: `default_catalogue`.
    """
    settings = from_env(InterpreterSettings, env)
    catalogue = default_catalogue(env) if catalogue is None else catalogue
    tools = RemoteTools(
        settings.providers,
        calls=settings.interpreter_max_tool_calls,
        seconds=settings.interpreter_tool_seconds,
    )
    interpreter = Interpreter(
        catalogue,
        PlanExecutor(tools),
        executions=Admission(settings.interpreter_max_executions, "executions"),
        plan_executions=Admission(settings.interpreter_max_plans, "plans"),
    )
    servicer = InterpreterServicer(interpreter, max_tokens=settings.interpreter_max_tokens)
    register = partial(add_InterpreterServiceServicer_to_server, servicer)

    async def stop() -> None:
        await tools.close()
        await catalogue.close()

    return Service(
        name="interpreter",
        endpoints=(Endpoint("autoflow.v1.InterpreterService", register),),
        start=catalogue.start,
        stop=stop,
        ready=catalogue.ready,
    )

"""Wires the interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autoflow.admission import Admission
from autoflow.llm.catalogue import Catalogue, default_catalogue
from autoflow.server import Endpoint, Service
from autoflow.settings import SettingsError, from_env
from autoflow.tools.assembly import Sources
from autoflow.tools.model import Source
from autoflow.tools.providers import Provider
from autoflow.tools.registry import Registry
from autoflow.v1.interpreter_service_pb2_grpc import add_InterpreterServiceServicer_to_server
from autoflow_interpreter.interpreter import Interpreter
from autoflow_interpreter.memory import MemorySettings
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
    interpreter_memory_tokens: int = 0
    """The most tokens of earlier answers in a step's prompt, about; 0: what the model's context leaves. The
    strategy `append` shows everything and knows no limit but the context."""
    interpreter_memory_top: int = 8
    """The most earlier answers that the memory strategy `embedding` shows."""
    interpreter_memory_floor: float = 0.15
    """The least cosine of those with the instruction, in [-1, 1]; what suits depends on the encoder."""
    interpreter_max_plans: int = 64
    """Plans under way, without those that workflows end in; one more is refused with RESOURCE_EXHAUSTED."""
    interpreter_max_tool_calls: int = 8
    """Calls under way to one provider of tools; further ones wait."""
    interpreter_tool_seconds: float = 120.0
    """The most that one call of a tool may take."""
    tool_providers: str = ""
    """`host:port` of servers of ToolService, separated by commas; the first that has a tool is used. The
    short form of a file that names nothing else; not together with one."""
    tools_file: str = ""
    """A YAML file that names the sources of tools, the first first."""
    interpreter_tool_characters: int = 20_000
    """Of the text that one call of a tool with arguments brings; a longer one is cut, and says so."""
    experts_address: str = ""
    """`host:port` of the experts, the last of the providers; `autoflow up` sets it."""

    def __post_init__(self) -> None:
        """Refuses two lists of providers: nobody could tell whose tools come first."""
        if self.tools_file and self.tool_providers:
            raise SettingsError(
                "AUTOFLOW_TOOLS_FILE and AUTOFLOW_TOOL_PROVIDERS are both set: name the providers in the file"
            )

    @property
    def providers(self) -> dict[str, str]:
        """The addresses of those providers of tools that are in no file, by their names, in their order."""
        named = filter(None, (address.strip() for address in self.tool_providers.split(",")))
        found = {
            address: f"provider-{number}" for number, address in enumerate(dict.fromkeys(named), start=1)
        }
        if self.experts_address:
            found.setdefault(self.experts_address, "experts")
        return {name: address for address, name in found.items()}


def build(env: Mapping[str, str], catalogue: Catalogue | None = None) -> Service:
    """Wires the service; opens and loads nothing yet.

    Args:
        env: the environment that settings are read from.
        catalogue: the models, closed when the service stops. Default: `default_catalogue`.
    """
    settings = from_env(InterpreterSettings, env)
    catalogue = default_catalogue(env) if catalogue is None else catalogue
    sources = _sources(settings, env)
    tools = Registry(
        sources,
        characters=settings.interpreter_tool_characters,
        seconds=settings.interpreter_tool_seconds,
    )
    interpreter = Interpreter(
        catalogue,
        PlanExecutor(RemoteTools([source for source in sources if isinstance(source, Provider)])),
        tools,
        executions=Admission(settings.interpreter_max_executions, "executions"),
        plan_executions=Admission(settings.interpreter_max_plans, "plans"),
        memory=MemorySettings(
            tokens=settings.interpreter_memory_tokens,
            top=settings.interpreter_memory_top,
            floor=settings.interpreter_memory_floor,
        ),
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


def _sources(settings: InterpreterSettings, env: Mapping[str, str]) -> list[Source]:
    make = Sources(calls=settings.interpreter_max_tool_calls, seconds=settings.interpreter_tool_seconds)
    of_file = make.of_file(Path(settings.tools_file), env) if settings.tools_file else []
    return [*of_file, *make.of_addresses(settings.providers.items())]

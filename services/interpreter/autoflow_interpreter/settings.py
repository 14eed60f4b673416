"""The settings of the interpreter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autoflow.settings import SettingsError

_POSITIVE = (
    "interpreter_max_executions",
    "interpreter_max_plans",
    "interpreter_keep_days",
    "interpreter_keep_executions",
    "interpreter_lease_seconds",
    "interpreter_store_seconds",
    "interpreter_poll_seconds",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where executions are kept; all that `python -m autoflow_interpreter migrate` needs."""

    interpreter_data: Path = Path("~/.local/share/autoflow/interpreter")
    """Folder of the database, where no URL is given."""
    interpreter_database_url: str = ""
    """SQLAlchemy URL with an async driver. Default: SQLite, `interpreter.db` in the data folder."""

    @property
    def database(self) -> str:
        """The URL of the database."""
        folder = self.interpreter_data.expanduser().absolute()
        return self.interpreter_database_url or f"sqlite+aiosqlite:///{folder / 'interpreter.db'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpreterSettings(DatabaseSettings):
    """Settings of the interpreter, `AUTOFLOW_INTERPRETER_MAX_EXECUTIONS` and so on."""

    migrate_on_start: bool = True
    """Whether the service brings the database to what it needs; else it refuses to start on an older one, and
    `python -m autoflow_interpreter migrate` does so."""
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
    generator_address: str = ""
    """`host:port` of the generator, which keeps registered workflows; `autoflow up` sets it. Without it they
    cannot be executed by their names."""
    experts_address: str = ""
    """`host:port` of the experts, the last of the providers; `autoflow up` sets it."""
    interpreter_keep_days: float = 30.0
    """How long executions are kept after their end."""
    interpreter_keep_executions: int = 100_000
    """How many that have ended are kept at most."""
    interpreter_lease_seconds: float = 15.0
    """A server without a sign of life for so long loses its executions to the others, or to itself when it is
    back."""
    interpreter_store_seconds: float = 30.0
    """For how long events are tried to be stored while the database is away. Then whoever watches is answered
    UNAVAILABLE, and the execution goes on when it is back."""
    interpreter_poll_seconds: float = 0.5
    """Between two looks for events of an execution that another server holds."""

    def __post_init__(self) -> None:
        """Refuses what cannot work, and two lists of providers: nobody could tell whose tools come first."""
        if self.tools_file and self.tool_providers:
            raise SettingsError(
                "AUTOFLOW_TOOLS_FILE and AUTOFLOW_TOOL_PROVIDERS are both set: name the providers in the file"
            )
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise SettingsError(f"AUTOFLOW_{name.upper()} must be more than 0")

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

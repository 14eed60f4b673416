"""An interpreter in a process of its own, with its model's endpoint and its tools in this one.

Both keep a record of what they were asked and when, against which the interpreter's events can be held.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from autoflow.client import Client, ClientSettings, RetrySettings
from autoflow.testing import ScriptedEndpoint, ScriptedTools, serving
from autoflow.testing.endpoint_answers import EmbeddingScript
from autoflow.testing.processes import ServiceProcess, start_service
from autoflow.testing.scripted_chat import Asked, ScriptedChat
from autoflow.testing.scripted_replies import ScriptedReplies
from autoflow.testing.scripted_workflow import ScriptedWorkflow
from autoflow.testing.simple_tools import SIMPLE_TOOLS, simple_answer
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import model_pb2, workflow_pb2
from autoflow.v1.tool_service_pb2 import CallToolRequest, CallToolResponse

SCHEMAS, IN_TURN, FUNCTIONS = "schemas", "in-turn", "functions"
"""Models of one endpoint: one that takes JSON schemas; the same, but it is asked one question at a time; and
one that has functions only."""

_CATALOGUE = """\
models:
  {schemas}: &model
    provider: openai
    model: scripted
    endpoint: {endpoint}
    capabilities: {{json_schema: true, choice: true}}
    embeddings: {{model: vectors, price: 2}}
    limits: {{max_concurrency: 4096, max_waiting: 100000}}
  {in_turn}:
    <<: *model
    limits: {{max_concurrency: 1, max_waiting: 100000}}
  {functions}:
    <<: *model
    capabilities: {{tools: true}}
"""
_PATIENT = ClientSettings(stream_timeout=600.0, retry=RetrySettings(initial_backoff=0.1, max_backoff=0.5))


@dataclass(frozen=True, slots=True)
class Pace:
    """How long model and tools take, in seconds."""

    answer: float = 0.0
    """Each answer of the model."""
    token: float = 0.0
    """And each of its tokens."""
    tool: float = 0.0
    """Each call of a tool."""


AT_ONCE = Pace()
"""They do not make anyone wait."""


@dataclass(slots=True)
class ToolAsked:
    """One call of a tool."""

    tool: str
    arguments: str
    call_id: str
    began: float
    """In seconds since the Unix epoch."""
    ended: float = 0.0
    """0 where the caller left before."""


@dataclass(slots=True)
class Kill:
    """One end of the interpreter's process."""

    at: float
    """In seconds since the Unix epoch."""
    until: float = math.inf
    """When it was back. What it had sent before its end may be read until then."""

    def lies_between(self, start: float, end: float) -> bool:
        """Whether what began at `start` may be its doing before, and what began at `end` after it."""
        return start < self.until and self.at < end


class SlowTools:
    """The simple tools behind ToolService.

    Args:
        seconds: that each call takes.

    Attributes:
        asked: every call, in their order.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.asked: list[ToolAsked] = []
        self.server = ScriptedTools([each.tool for each in SIMPLE_TOOLS.values()], self._answer)

    async def _answer(self, request: CallToolRequest) -> CallToolResponse:
        arguments = request.samples[0].inputs[0].text
        asked = ToolAsked(request.tool, arguments, self.server.call_ids[-1], time.time())
        self.asked.append(asked)
        await asyncio.sleep(self._seconds)
        asked.ended = time.time()
        return simple_answer(request)


class World:
    """What surrounds an interpreter, and the interpreter; `world` makes one.

    Args:
        chat: what the endpoint says.
        tools: what may be called.
        env: the interpreter's environment.
        folder: for its log.
        module: what is run as its process.

    Attributes:
        kills: when the interpreter was killed.
    """

    def __init__(
        self, chat: ScriptedChat, tools: SlowTools, env: Mapping[str, str], folder: Path, module: str
    ) -> None:
        self.chat = chat
        self.tools = tools
        self.kills: list[Kill] = []
        self._env = env
        self._module = module
        self._log = folder / "interpreter.log"
        self._process: ServiceProcess | None = None

    @property
    def process(self) -> ServiceProcess:
        """The interpreter's."""
        assert self._process is not None
        return self._process

    @property
    def asked(self) -> list[Asked]:
        """What the endpoint was asked."""
        return self.chat.asked

    async def start(self) -> None:
        """Starts the interpreter; again, at the same address."""
        address = self._process.address if self._process else "127.0.0.1:0"
        self._process = await start_service(
            "interpreter", self._env, self._log, address=address, module=self._module
        )
        if self.kills:
            self.kills[-1].until = time.time()

    async def kill(self) -> None:
        """Kills the interpreter."""
        self.kills.append(Kill(time.time()))
        await self.process.kill()

    def forget(self) -> None:
        """Forgets what endpoint and tools were asked."""
        self.asked.clear()
        self.tools.asked.clear()
        self.tools.server.requests.clear()
        self.tools.server.call_ids.clear()

    def client(self) -> Client:
        """A client of the interpreter, with a connection of its own; it waits for a server that is lost."""
        return Client(interpreter=self.process.address, settings=_PATIENT)


@asynccontextmanager
async def surroundings(
    scripts: Iterable[ScriptedWorkflow],
    folder: Path,
    pace: Pace = AT_ONCE,
    *,
    embed: EmbeddingScript | None = None,
    **settings: object,
) -> AsyncIterator[tuple[ScriptedChat, SlowTools, Mapping[str, str]]]:
    """Serves model and tools.

    Args:
        scripts: the workflows that the model can carry out.
        folder: for the catalogue, and the interpreter's database.
        pace: how long model and tools take.
        embed: the vector of a text; None: nothing makes embeddings.
        settings: of the interpreter.

    Yields:
        What the endpoint says, the tools, and the environment of an interpreter that has them.
    """
    chat = ScriptedChat(ScriptedReplies(scripts), seconds=pace.answer, seconds_a_token=pace.token)
    tools = SlowTools(pace.tool)
    async with (
        ScriptedEndpoint.serving(chat, embed=embed) as endpoint,
        serving(tools.server.service) as provider,
    ):
        models = folder / "models.yaml"
        names = {"schemas": SCHEMAS, "in_turn": IN_TURN, "functions": FUNCTIONS}
        models.write_text(_CATALOGUE.format(endpoint=endpoint.base_url, **names))
        env = {
            "AUTOFLOW_MODELS": str(models),
            "AUTOFLOW_PRELOAD_MODELS": "none",
            "AUTOFLOW_TOOL_PROVIDERS": provider,
            "AUTOFLOW_INTERPRETER_DATA": str(folder),
            **{f"AUTOFLOW_{name.upper()}": str(value) for name, value in settings.items()},
        }
        yield chat, tools, env


@asynccontextmanager
async def world(
    scripts: Iterable[ScriptedWorkflow],
    folder: Path,
    pace: Pace = AT_ONCE,
    *,
    module: str = "",
    **settings: object,
) -> AsyncIterator[World]:
    """Starts everything, and ends it.

    Args:
        scripts: as in `surroundings`.
        folder: for the log as well.
        pace: as in `surroundings`.
        module: what is run as the interpreter's process; its own by default.
        settings: as in `surroundings`.
    """
    async with surroundings(scripts, folder, pace, embed=None, **settings) as (chat, tools, env):
        made = World(chat, tools, env, folder, module)
        await made.start()
        try:
            yield made
        finally:
            await made.process.stop()


def request_for(
    script: ScriptedWorkflow, protocol: pb.ExecutionProtocol.ValueType, **fields: object
) -> pb.ExecuteWorkflowRequest:
    """Asks for the execution of a scripted workflow, whose steps may call the script's tools.

    Args:
        script: whose.
        protocol: how it is put to the model.
        fields: of the request; `model` is a name of the catalogue, `SCHEMAS` by default.
    """
    model = str(fields.pop("model", SCHEMAS))
    return pb.ExecuteWorkflowRequest(
        workflow=workflow_pb2.Workflow(source=script.workflow.text),
        query="Carry it out",
        model=model_pb2.ModelRef(model=model),
        protocol=protocol,
        step_tools=script.shape.tools,
        limits=pb.ExecutionLimits(max_steps=1000, max_calls=100_000, max_tokens=10_000_000),
        **fields,  # type: ignore[arg-type]
    )

"""InterpreterService.ListTools: the sources of settings, over a channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoflow.settings import SettingsError
from autoflow.suites import ContentType, Tool
from autoflow.testing import catalogue_of, serving
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow_interpreter import build
from tests.interpreter.conftest import Interpreting
from tests.interpreter.provided import LOUDER, provider, request

TEXT = ContentType.TEXT
SHOUT = Tool("shout", "shouts", (TEXT,), TEXT, '{"type": "object"}', idempotent=True)
LIST = pb.InterpreterServiceListToolsRequest()


async def test_the_sources_of_a_file_and_the_experts_are_listed(
    interpreting: Interpreting, tmp_path: Path
) -> None:
    file = tmp_path / "tools.yaml"
    async with serving(provider("theirs", SHOUT, LOUDER).service) as address:
        file.write_text(
            "sources:\n"
            "  - {name: own, built_in: [date, calculator]}\n"
            f"  - {{name: theirs, tool_service: {{address: '{address}'}}}}\n"
            "  - {name: away, tool_service: {address: '127.0.0.1:1'}}\n"
        )
        async with (
            serving(provider("experts", LOUDER).service) as experts,
            interpreting(tools_file=file, experts_address=experts) as client,
        ):
            sources = (await client.list_tools(LIST)).sources

    assert [(source.name, source.kind, [tool.name for tool in source.tools]) for source in sources] == [
        ("own", pb.TOOL_SOURCE_KIND_BUILT_IN, ["calculator", "date"]),
        ("theirs", pb.TOOL_SOURCE_KIND_TOOL_SERVICE, ["Louder", "shout"]),
        ("away", pb.TOOL_SOURCE_KIND_TOOL_SERVICE, []),
        # The first has it.
        ("experts", pb.TOOL_SOURCE_KIND_TOOL_SERVICE, []),
    ]
    assert [bool(source.unavailable) for source in sources] == [False, False, True, False]
    louder, shout = sources[1].tools
    assert not louder.arguments_schema
    assert (shout.arguments_schema, shout.idempotent) == ('{"type": "object"}', True)


async def test_there_may_be_none(interpreting: Interpreting) -> None:
    async with interpreting() as client:
        assert not (await client.list_tools(LIST)).sources


async def test_the_short_form_names_its_sources_by_number(interpreting: Interpreting) -> None:
    async with interpreting(tools=[provider("a", LOUDER), provider("b", SHOUT)]) as client:
        sources = (await client.list_tools(LIST)).sources

    assert [(source.name, len(source.tools)) for source in sources] == [("provider-1", 1), ("provider-2", 1)]


def test_a_file_and_the_short_form_contradict_each_other(tmp_path: Path) -> None:
    env = {"AUTOFLOW_TOOLS_FILE": "tools.yaml", "AUTOFLOW_TOOL_PROVIDERS": "127.0.0.1:1"}
    with pytest.raises(SettingsError, match="both set"):
        build(env, catalogue_of())


def test_a_wrong_file_keeps_the_service_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "tools.yaml"
    file.write_text("sources:\n  - name: own\n    built_in: [calculator, shell]\n")
    with pytest.raises(SettingsError, match=r"sources\.0\.built_in\.1 \(line 3\): "):
        build({"AUTOFLOW_TOOLS_FILE": str(file)}, catalogue_of())


async def test_a_plan_never_names_a_tool_with_arguments(interpreting: Interpreting) -> None:
    async with interpreting(tools=[provider("a", SHOUT, LOUDER)]) as client:
        response = await client.execute_plan(request("shout", "hush"))
    assert response.outcome == pb.PLAN_OUTCOME_UNKNOWN_TOOL

"""The way of a call through a registry, with sources that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from autoflow.errors import DeadlineExceeded, ResourceExhausted, Unavailable
from autoflow.suites import ContentType, Tool
from autoflow.testing import ScriptedTools, answer_each, serving
from autoflow.tools.assembly import Sources
from autoflow.tools.model import (
    FailureKind,
    Listing,
    SourceKind,
    ToolCall,
    ToolFailure,
    ToolOutput,
    ToolResult,
)
from autoflow.tools.registry import Registry

TEXT = ContentType.TEXT
SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": false}'


def tool(name: str, *, idempotent: bool = False, schema: str = SCHEMA) -> Tool:
    return Tool(name, f"does {name}", (TEXT,), TEXT, schema, idempotent)


class Noting:
    """A source that notes its calls and answers by a function.

    Args:
        tools: what it lists; None where it was never reached.
        answer: what comes of a call; may raise.
        only: see `Listing`.
    """

    name = "noting"
    kind = SourceKind.BUILT_IN

    def __init__(
        self,
        *tools: Tool,
        answer: Callable[[ToolCall], ToolResult] = lambda call: ToolOutput("made"),
        only: frozenset[str] | None = None,
        reached: bool = True,
    ) -> None:
        self._listing = Listing(tools if reached else None, "" if reached else "it is away", only)
        self._answer = answer
        self.calls: list[ToolCall] = []
        self.closed = False

    async def listing(self) -> Listing:
        return self._listing

    async def call(self, call: ToolCall) -> ToolResult:
        self.calls.append(call)
        return self._answer(call)

    async def close(self) -> None:
        self.closed = True


async def call(registry: Registry, name: str, arguments: str = "{}", **more: object) -> ToolResult:
    return await registry.call(name, arguments, deadline=5, call_id="x/1", **more)  # type: ignore[arg-type]


async def test_the_first_source_of_a_name_has_it() -> None:
    first, second = Noting(tool("a")), Noting(tool("a"), tool("b"))
    registry = Registry([first, second])

    assert await call(registry, "a") == await call(registry, "b") == ToolOutput("made")
    assert ([one.tool for one in first.calls], [one.tool for one in second.calls]) == (["a"], ["b"])
    assert [[tool.name for tool in listed.tools] for listed in await registry.list_tools()] == [["a"], ["b"]]
    await registry.close()
    assert first.closed
    assert second.closed


async def test_a_source_that_was_never_reached_hides_those_after_it() -> None:
    away, there = Noting(reached=False), Noting(tool("a"))

    assert await call(Registry([there, away]), "a") == ToolOutput("made")
    with pytest.raises(Unavailable, match="may have 'a' cannot be reached"):
        await call(Registry([away, there]), "a")
    with pytest.raises(Unavailable, match="may have 'b' cannot be reached"):
        await call(Registry([there, away]), "b")


async def test_not_where_the_settings_say_what_is_taken_of_it() -> None:
    away = Noting(reached=False, only=frozenset({"b"}))
    registry = Registry([away, Noting(tool("a"))])

    assert await call(registry, "a") == ToolOutput("made")
    with pytest.raises(Unavailable):
        await call(registry, "b")


async def test_arguments_are_judged_before_the_call() -> None:
    source = Noting(tool("a"))
    registry = Registry([source])

    wrong = await call(registry, "a", '{"n": "1,2"}')
    assert isinstance(wrong, ToolFailure)
    assert wrong.kind is FailureKind.INVALID_ARGUMENTS
    assert wrong.message == 'the arguments are wrong: n: "1,2" does not fit; allowed is: type "integer"'
    assert source.calls == []
    # A comma is one of the text's, wherever it stands.
    assert await call(registry, "a", ' {"n": 1} ') == ToolOutput("made")
    [made] = source.calls
    assert (made.arguments, made.text, made.call_id) == ({"n": 1}, ' {"n": 1} ', "x/1")
    assert 0 < made.seconds <= 5


async def test_a_name_that_is_none_is_told_with_those_there_are() -> None:
    registry = Registry([Noting(tool("a"), tool("b"), Tool("Louder", "", (TEXT,), TEXT))])

    for name, more, words in (
        ("c", {}, "no tool is named 'c'; there are: a, b"),
        ("b", {"allowed": {"a"}}, "no tool is named 'b'; there are: a"),
        ("b", {"allowed": set()}, "no tool is named 'b'; there are none"),
        ("Louder", {}, "Louder is for plans and takes no arguments"),
    ):
        assert await call(registry, name, **more) == ToolFailure(words, FailureKind.UNKNOWN_TOOL)
    assert await call(registry, "a", allowed={"a"}) == ToolOutput("made")


async def test_what_is_allowed_and_not_there_is_not_told_as_if_it_were() -> None:
    failure = await call(Registry([Noting(tool("a"))]), "c", allowed={"a", "c"})
    assert failure == ToolFailure("no tool is named 'c'; there are: a", FailureKind.UNKNOWN_TOOL)


def raising(*errors: Exception) -> Callable[[ToolCall], ToolResult]:
    left = list(errors)

    def answer(call: ToolCall) -> ToolResult:
        if left:
            raise left.pop(0)
        return ToolOutput("made")

    return answer


async def test_only_what_is_idempotent_is_called_again() -> None:
    lost = Unavailable("away")
    safe = Noting(tool("a", idempotent=True), answer=raising(lost, lost))
    assert await call(Registry([safe]), "a") == ToolOutput("made")
    # The same call each time, so that whoever is called can know it again.
    assert [one.call_id for one in safe.calls] == ["x/1"] * 3

    unsafe = Noting(tool("a"), answer=raising(lost))
    with pytest.raises(Unavailable, match="away"):
        await call(Registry([unsafe]), "a")
    assert len(unsafe.calls) == 1

    dead = Noting(tool("a", idempotent=True), answer=raising(*[lost] * 9))
    with pytest.raises(Unavailable, match="away"):
        await call(Registry([dead]), "a")
    assert len(dead.calls) == 3


async def test_what_was_refused_for_want_of_room_is_called_again_whatever_it_does() -> None:
    busy = Noting(tool("a"), answer=raising(ResourceExhausted("busy", 0.01)))
    assert await call(Registry([busy]), "a") == ToolOutput("made")
    assert len(busy.calls) == 2


async def test_a_failure_is_a_result_and_is_not_tried_again() -> None:
    source = Noting(tool("a", idempotent=True), answer=lambda call: ToolFailure("cannot"))
    assert await call(Registry([source]), "a") == ToolFailure("cannot", FailureKind.FAILED)
    assert len(source.calls) == 1


async def test_what_a_tool_says_is_cut_where_it_can_be_seen() -> None:
    long = Noting(tool("a"), answer=lambda call: ToolOutput("x" * 50, (b"p",)))
    expected = ToolOutput("x" * 10 + "… cut after 10 characters of 50", (b"p",))
    assert await call(Registry([long], characters=10), "a") == expected
    assert await call(Registry([long], characters=50), "a") == ToolOutput("x" * 50, (b"p",))

    failing = Noting(tool("a"), answer=lambda call: ToolFailure("x" * 11))
    assert await call(Registry([failing], characters=10), "a") == ToolFailure(
        "x" * 10 + "… cut after 10 characters of 11"
    )


class Hanging(Noting):
    """A source that never answers."""

    async def call(self, call: ToolCall) -> ToolResult:
        self.calls.append(call)
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_call_ends_with_its_time() -> None:
    registry = Registry([Hanging(tool("a", idempotent=True))], seconds=0.05)
    with pytest.raises(DeadlineExceeded, match=r"a took more than 0\.05 s"):
        await call(registry, "a")


async def test_a_server_of_tool_service_takes_one_text_and_the_identity_of_the_call() -> None:
    def work(name: str, inputs: object) -> str | bytes | None:
        return {"text": f"of {inputs}", "picture": b"p", "nothing": None}[name]

    names = ("text", "picture", "nothing")
    theirs = ScriptedTools([tool(name) for name in names], answer_each(work))
    async with serving(theirs.service) as address:
        registry = Registry(list(Sources().of_addresses([("theirs", address)])))
        results = [await call(registry, name, '{"n":  1}') for name in names]
        await registry.close()

    assert results == [
        ToolOutput("""of ['{"n":  1}']"""),
        ToolOutput("", (b"p",)),
        ToolFailure("there is nothing to do"),
    ]
    assert theirs.call_ids == ["x/1"] * 3


async def test_no_layer_below_repeats_a_call_that_must_not_be() -> None:
    def lost(request: object) -> ToolResult:
        raise Unavailable("lost")

    theirs = ScriptedTools([tool("a"), tool("b", idempotent=True)], lost)  # type: ignore[arg-type]
    async with serving(theirs.service) as address:
        registry = Registry(list(Sources().of_addresses([("theirs", address)])))
        for name in ("a", "b"):
            with pytest.raises(Unavailable, match=f"the provider of {name} could not serve"):
                await call(registry, name)
        await registry.close()

    assert [request.tool for request in theirs.requests] == ["a", "b", "b", "b"]


async def test_a_providers_tool_with_a_broken_schema_is_passed_over() -> None:
    tools = [tool("a"), tool("b", schema='{"type": "array"}'), Tool("c", "", (TEXT, TEXT), TEXT, SCHEMA)]
    async with serving(ScriptedTools(tools, answer_each(lambda *_: "")).service) as address:
        registry = Registry(list(Sources().of_addresses([("theirs", address)])))
        [listed] = await registry.list_tools()
        await registry.close()

    assert [tool.name for tool in listed.tools] == ["a"]

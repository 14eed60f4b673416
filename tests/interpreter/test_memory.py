"""What a step sees of the earlier ones, by each strategy, over a real channel."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema
import lark
import pytest
import yaml

from autoflow import prompts
from autoflow.client import Client, errors
from autoflow.client.interpreter import InterpreterClient
from autoflow.llm import Capabilities, Grammar, JsonSchema, Message
from autoflow.testing import GatedModel, ScriptedEmbedder, ScriptedEndpoint, ScriptedModel, serving
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow_interpreter import build

Interpreting: TypeAlias = Callable[..., AbstractAsyncContextManager[InterpreterClient]]
Request: TypeAlias = Callable[..., pb.ExecuteWorkflowRequest]

QUERY = "Describe a noisy picture"
RELEVANCE = prompts.relevance(QUERY, "", "", "")[0]


def chain(*instructions: str) -> str:
    """A workflow that follows the instructions in order."""
    *processes, last = [f"Step {number}" for number in range(1, len(instructions) + 1)]
    lines = [
        f"{name}:::process:::{instruction}:::next::Step {number + 2}"
        for number, (name, instruction) in enumerate(zip(processes, instructions, strict=False))
    ]
    return "\n".join([*lines, f"{last}:::terminal:::{instructions[-1]}", ""])


def instruction_of(messages: Sequence[Message]) -> str:
    return messages[-1].content.splitlines()[-1]


def is_step(messages: Sequence[Message]) -> bool:
    return messages[0] == prompts.execution(QUERY, [], "")[0]


def is_relevance(messages: Sequence[Message]) -> bool:
    return messages[0] == RELEVANCE


def asked_about(messages: Sequence[Message]) -> str:
    """The key of the entry that a question of relevance is about."""
    (line,) = [each for each in messages[1].content.splitlines() if each.startswith("Earlier answer: ")]
    return line.removeprefix("Earlier answer: ").split(",")[0]


async def finished(client: InterpreterClient, request: pb.ExecuteWorkflowRequest) -> pb.ExecutionFinished:
    return [event async for event in client.execute_workflow(request)][-1].finished


def remembered(key: str, description: str, content: str, note: str = "") -> str:
    return prompts.memory_part([prompts.memory_entry(key, description, content)], note)


def echo(messages: Sequence[Message]) -> str:
    return f"did {instruction_of(messages)}"


def only(*keys: str) -> Callable[[Sequence[Message], Sequence[str]], int]:
    """Chooses yes for these entries."""

    def choose(messages: Sequence[Message], options: Sequence[str]) -> int:
        assert is_relevance(messages)
        assert list(options) == ["A", "B"]
        return 0 if asked_about(messages) in keys else 1

    return choose


def steps_of(model: ScriptedModel) -> list[tuple[Message, ...]]:
    return [call.messages for call in model.calls if is_step(call.messages)]


async def test_traverse_shows_what_the_model_calls_relevant(
    interpreting: Interpreting, request_for: Request
) -> None:
    model = ScriptedModel(echo, choose=only("Step 2 #1"))
    source = chain("Count", "List", "Check", "Conclude")
    async with interpreting(model) as client:
        ended = await finished(client, request_for(source, memory=pb.MEMORY_STRATEGY_TRAVERSE))

    assert ended.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    steps = steps_of(model)
    assert steps[0] == tuple(prompts.execution(QUERY, [], "Count"))
    assert steps[1] == tuple(prompts.execution(QUERY, [], "List"))
    shown = remembered("Step 2 #1", "List (text of 2 words)", "did List")
    assert steps[2] == tuple(prompts.recalling(QUERY, [], shown, "Check"))
    assert steps[3] == tuple(prompts.recalling(QUERY, [], shown, "Conclude"))
    # A question for each entry of each step, and every call is counted.
    assert sum(is_relevance(call.messages) for call in model.calls) == 0 + 1 + 2 + 3
    assert ended.usage.llm_calls == len(model.calls) == 4 + 6
    assert ended.usage.prompt_tokens == sum(
        len(message.content.split()) for call in model.calls for message in call.messages
    )


async def test_all_questions_of_a_step_are_under_way_at_once(
    interpreting: Interpreting, request_for: Request
) -> None:
    """In words, two rounds for each: nobody is let through before all have asked."""
    count = 12
    model = GatedModel(lambda messages: "hm" if is_relevance(messages) else echo(messages))
    request = request_for(
        chain(*(f"Do {number}" for number in range(count)), "Stop"),
        model="gated",
        memory=pb.MEMORY_STRATEGY_TRAVERSE,
    )
    async with interpreting(model) as client:
        execution = asyncio.ensure_future(finished(client, request))
        begun = 0
        for entries in range(count + 1):
            for _ in range(2 if entries else 0):
                await model.until(calls=begun + entries)
                assert all(is_relevance(call.messages) for call in model.calls[begun:])
                for call in range(begun, begun + entries):
                    model.let_through(call)
                begun += entries
            await model.until(calls=begun + 1)
            model.let_through(begun)
            begun += 1
        ended = await execution

    assert ended.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    assert ended.usage.llm_calls == len(model.calls) == begun


async def test_whoever_leaves_cancels_all_questions(interpreting: Interpreting, request_for: Request) -> None:
    model = GatedModel(lambda messages: "B" if is_relevance(messages) else echo(messages))
    request = request_for(
        chain("One", "Two", "Three", "Four"), model="gated", memory=pb.MEMORY_STRATEGY_TRAVERSE
    )
    async with interpreting(model) as client:
        async with aclosing(client.execute_workflow(request)) as events:
            for call in range(3 + 3):
                model.let_through(call)
            async for event in events:
                if event.step_started.executed_before == 3:
                    break
            # Three steps and the questions before them are done; three more hang.
            await model.until(calls=3 + 3 + 3)
        await model.until(cancelled=3)


async def test_the_limit_on_time_ends_questions_that_hang(
    interpreting: Interpreting, request_for: Request
) -> None:
    model = GatedModel(echo)
    limits = pb.ExecutionLimits()
    limits.max_wall_time.FromMilliseconds(300)
    model.let_through(0)
    request = request_for(
        chain("One", "Two"), model="gated", memory=pb.MEMORY_STRATEGY_TRAVERSE, limits=limits
    )
    async with interpreting(model) as client:
        ended = await finished(client, request)

    assert ended.outcome == pb.EXECUTION_OUTCOME_TIME_LIMIT
    assert len(model.calls) - model.cancelled == ended.steps <= 1


@pytest.mark.parametrize("memory", [pb.MEMORY_STRATEGY_TRAVERSE, pb.MEMORY_STRATEGY_DIRECT])
async def test_questions_count_against_the_limit_on_tokens(
    interpreting: Interpreting, request_for: Request, memory: pb.MemoryStrategy.ValueType
) -> None:
    model = ScriptedModel(lambda messages: "none" if not is_step(messages) else echo(messages))
    first = sum(len(each.content.split()) for each in prompts.execution(QUERY, [], "One")) + 2
    request = request_for(chain("One", "Two"), memory=memory, limits=pb.ExecutionLimits(max_tokens=first + 1))
    async with interpreting(model) as client:
        ended = await finished(client, request)

    assert ended.outcome == pb.EXECUTION_OUTCOME_TOKEN_LIMIT
    # The question was still allowed and has used the limit up.
    assert [is_step(call.messages) for call in model.calls] == [True, False]
    assert ended.usage.llm_calls == 2


async def test_what_nobody_can_read_is_not_shown_and_the_prompt_says_so(
    interpreting: Interpreting, request_for: Request
) -> None:
    def script(messages: Sequence[Message]) -> str:
        if is_step(messages):
            return echo(messages)
        return "A" if "Step 1 #1" in messages[1].content else "who knows"

    model = ScriptedModel(script)
    async with interpreting(model) as client:
        ended = await finished(
            client, request_for(chain("One", "Two", "Three"), memory=pb.MEMORY_STRATEGY_TRAVERSE)
        )

    assert ended.outcome == pb.EXECUTION_OUTCOME_ANSWERED
    note = prompts.missing(0, 1)
    shown = remembered("Step 1 #1", "One (text of 2 words)", "did One", note)
    assert steps_of(model)[2] == tuple(prompts.recalling(QUERY, [], shown, "Three"))
    assert "not known whether they matter: 1." in note
    # Steps, a question in the second, three in the third: one entry is asked about twice.
    assert len(model.calls) == 3 + 1 + 3


async def test_each_answer_of_a_loop_is_an_entry(interpreting: Interpreting, request_for: Request) -> None:
    source = (
        "Try:::process:::Try it:::next::Good\n"
        "Good:::decision:::Is it good?:::Yes::End:::No::Try\n"
        "End:::terminal:::Tell\n"
    )
    rounds = iter([1, 0])

    def choose(messages: Sequence[Message], options: Sequence[str]) -> int:
        return only("Try #2")(messages, options) if is_relevance(messages) else next(rounds)

    model = ScriptedModel(echo, choose=choose)
    async with interpreting(model) as client:
        await finished(client, request_for(source, memory=pb.MEMORY_STRATEGY_TRAVERSE))

    asked = [asked_about(call.messages) for call in model.calls if is_relevance(call.messages)]
    assert asked[-4:] == ["Try #1", "Good #1", "Try #2", "Good #2"]
    shown = remembered("Try #2", "Try it (text of 3 words)", "did Try it")
    assert steps_of(model)[-1] == tuple(prompts.recalling(QUERY, [], shown, "Tell"))


class TestDirect:
    """One question about all."""

    @staticmethod
    async def executed(
        interpreting: Interpreting, request_for: Request, model: ScriptedModel, **settings: object
    ) -> pb.ExecutionFinished:
        request = request_for(
            chain("One", "Two", "Three"),
            memory=pb.MEMORY_STRATEGY_DIRECT,
            protocol=pb.EXECUTION_PROTOCOL_STEPWISE,
        )
        async with interpreting(model, **settings) as client:
            return await finished(client, request)

    async def test_the_model_picks_from_a_list(
        self, interpreting: Interpreting, request_for: Request
    ) -> None:
        model = ScriptedModel(lambda messages: echo(messages) if is_step(messages) else " 1.")
        ended = await self.executed(interpreting, request_for, model)

        (first, second) = [call.messages for call in model.calls if not is_step(call.messages)]
        lines = [
            prompts.selection_line(1, "Step 1 #1", "One (text of 2 words)"),
            prompts.selection_line(2, "Step 2 #1", "Two (text of 2 words)"),
        ]
        assert first == tuple(prompts.selection(QUERY, "Two", lines[:1]))
        assert second == tuple(prompts.selection(QUERY, "Three", lines))
        shown = remembered("Step 1 #1", "One (text of 2 words)", "did One")
        assert steps_of(model)[2] == tuple(prompts.recalling(QUERY, [], shown, "Three"))
        assert ended.usage.llm_calls == len(model.calls) == 5

    @pytest.mark.parametrize("said", ["1 and perhaps 2", "3", "0", "all", ""])
    async def test_what_cannot_be_read_picks_nothing_and_the_prompt_says_so(
        self, interpreting: Interpreting, request_for: Request, said: str
    ) -> None:
        model = ScriptedModel(lambda messages: echo(messages) if is_step(messages) else said)
        ended = await self.executed(interpreting, request_for, model)

        assert ended.outcome == pb.EXECUTION_OUTCOME_ANSWERED
        note = prompts.memory_part([], prompts.missing(0, 2))
        assert steps_of(model)[2] == tuple(prompts.recalling(QUERY, [], note, "Three"))
        asked = [call.messages for call in model.calls if not is_step(call.messages)]
        assert len(asked) == 4
        assert "numbers from 1 to 2" in asked[3][-1].content

    async def test_a_second_answer_that_can_be_read_counts(
        self, interpreting: Interpreting, request_for: Request
    ) -> None:
        def script(messages: Sequence[Message]) -> str:
            if is_step(messages):
                return echo(messages)
            return "none" if "numbers from 1" in messages[-1].content else "the last one"

        model = ScriptedModel(script)
        await self.executed(interpreting, request_for, model)
        assert steps_of(model)[2] == tuple(prompts.execution(QUERY, [], "Three"))

    @pytest.mark.parametrize(
        ("said", "picked"),
        [
            ('{"needed": ["2"]}', ["Step 2 #1"]),
            ('{"needed": []}', []),
            ('{"needed": ["1", "2", "1"]}', ["Step 1 #1", "Step 2 #1"]),
            ('{"needed": "1"}', None),
            ('{"needed": [1]}', None),
            ("1", None),
            ("[]", None),
        ],
    )
    async def test_a_model_with_json_answers_under_a_schema(
        self, interpreting: Interpreting, request_for: Request, said: str, picked: list[str] | None
    ) -> None:
        model = ScriptedModel(
            lambda messages: echo(messages) if is_step(messages) else said,
            capabilities=Capabilities(json_schema=True),
        )
        await self.executed(interpreting, request_for, model)

        asked = [call for call in model.calls if not is_step(call.messages)]
        constraint = asked[-1].constraint
        assert isinstance(constraint, JsonSchema)
        jsonschema.Draft202012Validator.check_schema(constraint.schema)
        allowed = jsonschema.Draft202012Validator(constraint.schema)
        assert allowed.is_valid({"needed": ["1", "2"]})
        assert not allowed.is_valid({"needed": ["3"]})
        last = steps_of(model)[2][-1].content
        shown = [key for key in ("Step 1 #1", "Step 2 #1") if f"[{key}]" in last]
        assert shown == (picked or [])
        assert ("not known whether" in last) == (picked is None)

    async def test_a_model_with_grammars_answers_under_one(
        self, interpreting: Interpreting, request_for: Request
    ) -> None:
        model = ScriptedModel(
            lambda messages: echo(messages) if is_step(messages) else "1, 2",
            capabilities=Capabilities(grammar=True),
        )
        request = request_for(
            chain("One", "Two", "Three"),
            memory=pb.MEMORY_STRATEGY_DIRECT,
            protocol=pb.EXECUTION_PROTOCOL_STEPWISE,
        )
        async with interpreting(model) as client:
            await finished(client, request)

        constraint = model.calls[-2].constraint
        assert isinstance(constraint, Grammar)
        parser = lark.Lark(constraint.lark)
        for said in ("none", "1", "2", "2, 1"):
            parser.parse(said)
        for said in ("", "3", "1,2", "none, 1"):
            with pytest.raises(lark.exceptions.LarkError):
                parser.parse(said)

    async def test_a_list_that_is_too_long_is_asked_about_in_pages(
        self, interpreting: Interpreting, request_for: Request
    ) -> None:
        model = ScriptedModel(lambda messages: echo(messages) if is_step(messages) else "2")
        source = chain(*(f"Do {number}" for number in range(6)))
        request = request_for(source, memory=pb.MEMORY_STRATEGY_DIRECT)
        async with interpreting(model, interpreter_memory_tokens=60) as client:
            ended = await finished(client, request)

        first, second = [call.messages for call in model.calls if not is_step(call.messages)][-2:]
        pages = [
            re.findall(r"^(\d+)\. (Step \d) #1: ", each[-1].content, re.MULTILINE) for each in (first, second)
        ]
        assert pages == [
            [("1", "Step 1"), ("2", "Step 2"), ("3", "Step 3")],
            [("1", "Step 4"), ("2", "Step 5")],
        ]
        last = steps_of(model)[-1][-1].content
        assert re.findall(r"^\[(.*?)\]", last, re.MULTILINE) == ["Step 2 #1", "Step 5 #1"]
        assert ended.outcome == pb.EXECUTION_OUTCOME_ANSWERED

    async def test_an_entry_too_long_for_a_page_is_told_as_left_out(
        self, interpreting: Interpreting, request_for: Request
    ) -> None:
        model = ScriptedModel(lambda messages: echo(messages) if is_step(messages) else "1")
        request = request_for(chain("One " * 30, "Two", "Three"), memory=pb.MEMORY_STRATEGY_DIRECT)
        async with interpreting(model, interpreter_memory_tokens=40) as client:
            await finished(client, request)

        asked = [call.messages for call in model.calls if not is_step(call.messages)]
        assert len(asked) == 1
        assert "1. Step 2 #1: Two" in asked[0][-1].content
        assert "lack of room: 1.)" in steps_of(model)[1][-1].content


class TestEmbedding:
    """What is nearest."""

    @staticmethod
    def vector(text: str) -> list[float]:
        """Points one way for odd numbers, another for even ones, a third for all else."""
        number = re.search(r"\d+", text)
        odd = int(number[0]) % 2 if number else 0
        return [float(odd), float(1 - odd), 0.1] if number else [0.0, 0.0, 5.0]

    async def test_the_nearest_are_shown_and_each_text_is_embedded_once(
        self, interpreting: Interpreting, request_for: Request
    ) -> None:
        model, embedder = ScriptedModel(echo), ScriptedEmbedder(self.vector)
        source = chain("Do 1", "Do 2", "Do 3", "Rest", "Do 1", "Do 5")
        request = request_for(source, memory=pb.MEMORY_STRATEGY_EMBEDDING)
        async with interpreting(model, embedder=embedder, interpreter_memory_top=2) as client:
            ended = await finished(client, request)

        def shown(step: int) -> list[str]:
            return re.findall(r"^\[(.*?)\]", steps_of(model)[step][-1].content, re.MULTILINE)

        # The newest of those that are equally near; below the floor nothing.
        assert [shown(step) for step in range(6)] == [
            [],
            [],
            ["Step 1 #1"],
            [],
            ["Step 1 #1", "Step 3 #1"],
            ["Step 3 #1", "Step 5 #1"],
        ]
        texts = [text for call in embedder.calls for text in call]
        assert len(texts) == len(set(texts))
        assert len(embedder.calls) == 5
        assert ended.usage.llm_calls == len(model.calls) + len(embedder.calls)
        words = sum(len(text.split()) for text in texts)
        prompt = sum(len(message.content.split()) for call in model.calls for message in call.messages)
        assert ended.usage.prompt_tokens == prompt + words

    async def test_a_model_without_embeddings_is_refused_before_anything_is_asked(
        self, interpreting: Interpreting, request_for: Request
    ) -> None:
        model = ScriptedModel(echo)
        async with interpreting(model) as client:
            with pytest.raises(errors.FailedPrecondition, match=r"'scripted'.*AUTOFLOW_EMBEDDER"):
                await finished(client, request_for(chain("One"), memory=pb.MEMORY_STRATEGY_EMBEDDING))
        assert model.calls == []

    async def test_the_catalogues_endpoint_makes_them(self, request_for: Request, tmp_path: Path) -> None:
        said: list[str] = []

        def script(body: Mapping[str, Any]) -> str:
            said.append(body["messages"][-1]["content"])
            return "done"

        async with ScriptedEndpoint.serving(script, embed=self.vector) as endpoint:
            model = {"provider": "openai", "model": "chat", "endpoint": endpoint.base_url}
            stated = {**model, "embeddings": {"model": "vectors", "price": 2.0}}
            file = tmp_path / "models.yaml"
            file.write_text(yaml.safe_dump({"models": {"remote": stated}}))
            env = {"AUTOFLOW_MODELS": str(file), "AUTOFLOW_PRELOAD_MODELS": "none"}
            async with serving(build(env)) as address, Client(interpreter=address) as client:
                request = request_for(
                    chain("Do 1", "Do 2", "Do 3"), model="remote", memory=pb.MEMORY_STRATEGY_EMBEDDING
                )
                ended = await finished(client.interpreter, request)

        asked = [call.body for call in endpoint.calls if call.embeddings]
        assert [body["model"] for body in asked] == ["vectors", "vectors"]
        assert asked[1]["input"] == ["Do 3", "Do 2 (text of 1 word)"]
        assert "[Step 1 #1]" in said[2]
        assert "[Step 2 #1]" not in said[2]
        assert ended.usage.llm_calls == 3 + 2
        assert ended.usage.cost_usd > 0


async def test_append_with_a_limit_leaves_the_oldest_out_and_keeps_the_task(
    interpreting: Interpreting, request_for: Request
) -> None:
    model = ScriptedModel(lambda messages: "x" * 60)
    source = chain(*(f"Do {number}" for number in range(8)))
    async with interpreting(model, interpreter_memory_tokens=100) as client:
        await finished(client, request_for(source, memory=pb.MEMORY_STRATEGY_APPEND))

    chats = steps_of(model)
    grown = [later[: len(earlier)] == earlier for earlier, later in pairwise(chats)]
    # It begins anew once in a while, and not with every step.
    assert grown == [True] * 4 + [False] + [True] * 2
    for number, chat in enumerate(chats):
        assert chat[1].content.startswith(f"Task: {QUERY}\n")
        assert chat[-1].content.endswith(f"Do {number}")
    assert "lack of room: 4.)" in chats[5][1].content


async def test_a_table_travels_as_csv_and_an_image_by_name(
    interpreting: Interpreting, request_for: Request
) -> None:
    said = {
        "One": "| city | price |\n|---|--:|\n| Bonn | 3 |\n| Köln, Deutz | 4 |",
        "Two": "data:image/png;base64,iVBORw0KGgo=",
    }
    model = ScriptedModel(
        lambda messages: said.get(instruction_of(messages), "end"), choose=lambda messages, options: 0
    )
    async with interpreting(model) as client:
        await finished(client, request_for(chain("One", "Two", "Three"), memory=pb.MEMORY_STRATEGY_TRAVERSE))

    last = steps_of(model)[2][-1].content
    table = '[Step 1 #1] One (table of 2 rows: city, price)\ncity,price\nBonn,3\n"Köln, Deutz",4\n'
    assert table in last
    assert re.search(r"\[Step 2 #1\] Two \(image\)\nimage-[0-9a-f]{16}\.png\n", last)
    assert "iVBOR" not in last

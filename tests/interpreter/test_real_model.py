"""Executions with a real model of random weights: what it says is nonsense, but it reads and chooses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

import pytest

from autoflow.client.interpreter import InterpreterClient
from autoflow.llm.local import LocalModel
from autoflow.testing.random_model import SMALL_SHAPE, write_random_model
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import model_pb2
from tests.interpreter.provided import core

SOURCE = """\
Step 1:::decision:::Is it noisy?:::Yes::Step 2:::No::Step 3
Step 2:::terminal:::Denoise
Step 3:::terminal:::Do nothing
"""
# Its instructions alone have more bytes than the context has tokens.
LONG = "".join(
    f"Step {number}:::process:::Name the input once more:::next::Step {number + 1}\n"
    for number in range(1, 41)
)


Interpreting: TypeAlias = Callable[..., AbstractAsyncContextManager[InterpreterClient]]
Request: TypeAlias = Callable[..., pb.ExecuteWorkflowRequest]


@pytest.fixture
async def model(tmp_path: Path) -> AsyncIterator[LocalModel]:
    folder = write_random_model(tmp_path, shape={**SMALL_SHAPE, "max_position_embeddings": 512})
    model = LocalModel.load("random", folder)
    yield model
    await model.close()


async def test_a_decision_is_a_choice_among_the_letters(
    interpreting: Interpreting, request_for: Request, model: LocalModel
) -> None:
    sampling = model_pb2.SamplingParams(max_tokens=8)
    request = request_for(SOURCE, model="random", sampling=sampling)
    async with interpreting(model) as client:
        first = core([event async for event in client.execute_workflow(request)])
        second = [event async for event in client.execute_workflow(request)]

    assert first[2].branch_taken.target in ("Step 2", "Step 3")
    # Two steps and one choice, whose letter is one token.
    assert first[-1].finished.usage.llm_calls == 3
    assert first[-1].finished.usage.completion_tokens <= 8 + 1 + 8
    assert first[-1].finished == second[-1].finished


async def test_a_full_context_is_an_outcome(
    interpreting: Interpreting, request_for: Request, model: LocalModel
) -> None:
    limits = pb.ExecutionLimits(max_steps=1000, max_tokens=10_000_000)
    request = request_for(LONG + "Step 41:::terminal:::Stop\n", model="random", limits=limits)
    async with interpreting(model) as client:
        events = [event async for event in client.execute_workflow(request)]

    finished = events[-1].finished
    assert finished.outcome == pb.EXECUTION_OUTCOME_TOKEN_LIMIT
    assert "context is full" in finished.detail
    assert 0 < finished.steps < 40


@pytest.mark.parametrize("memory", [pb.MEMORY_STRATEGY_TRAVERSE, pb.MEMORY_STRATEGY_DIRECT])
async def test_questions_about_memory_are_answered_under_constraints(
    interpreting: Interpreting,
    request_for: Request,
    tmp_path: Path,
    memory: pb.MemoryStrategy.ValueType,
) -> None:
    """Its nonsense would never be read; under its grammar, or as a choice, it always is, and at once."""
    shape = {**SMALL_SHAPE, "max_position_embeddings": 2048}
    model = LocalModel.load("random", write_random_model(tmp_path / "wide", shape=shape))
    sampling = model_pb2.SamplingParams(max_tokens=4)
    source = "".join(f"Step {n}:::process:::Do it:::next::Step {n + 1}\n" for n in range(1, 4))
    request = request_for(
        f"{source}Step 4:::terminal:::End\n", model="random", sampling=sampling, memory=memory
    )
    try:
        async with interpreting(model) as client:
            events = [event async for event in client.execute_workflow(request)]
    finally:
        await model.close()

    questions = 0 + 1 + 2 + 3 if memory == pb.MEMORY_STRATEGY_TRAVERSE else 3
    assert events[-1].finished.steps == 4
    assert events[-1].finished.usage.llm_calls == 4 + questions

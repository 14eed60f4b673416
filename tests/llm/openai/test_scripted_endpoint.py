"""The endpoint of tests, asked by OpenAI's own client."""

from __future__ import annotations

from collections import Counter

import pytest
from openai import AsyncOpenAI, NotFoundError

from autoflow.testing import Fault, FaultPlan, ScriptedEndpoint


async def test_openai_s_client_reads_it() -> None:
    async with (
        ScriptedEndpoint.serving(lambda body: "so it is", models=["a", "b"]) as endpoint,
        AsyncOpenAI(base_url=endpoint.base_url, api_key="k", max_retries=0) as client,
    ):
        assert [model.id async for model in client.models.list()] == ["a", "b"]
        answer = await client.chat.completions.create(
            model="a", messages=[{"role": "user", "content": "is it so"}], n=2
        )
        with pytest.raises(NotFoundError):
            await client.files.list()

    assert [choice.message.content for choice in answer.choices] == ["so it is", "so it is"]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 6)
    assert [call.charged for call in endpoint.calls] == [(3, 6)]


def test_a_plan_draws_the_same_faults_again_and_all_of_them() -> None:
    plan = FaultPlan(0.5, seed=3)
    first, again = plan.draw(), plan.draw()
    faults = [first() for _ in range(400)]
    assert faults == [again() for _ in range(400)]
    assert set(faults) == {None, *Fault}
    assert 150 < Counter(faults)[None] < 250


def test_a_plan_without_a_share_draws_none() -> None:
    draw = FaultPlan().draw()
    assert {draw() for _ in range(100)} == {None}

"""A limit on cost, by the prices that a catalogue's file states."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from autoflow.testing import ScriptedEndpoint, serving
from autoflow.testing.endpoint_answers import chat_answer
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow_interpreter import build
from tests.interpreter.kept.servers import LOOP, Request, Server, events_of, kinds

PRICES = {"prompt": 250.0, "cached": 25.0, "completion": 2000.0}
"""US dollars for a million tokens."""
CACHED = 7
"""Tokens of each prompt."""


def says_no(body: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = chat_answer(body, "B")
    answer["usage"]["prompt_tokens_details"] = {"cached_tokens": CACHED}
    return answer


async def test_it_ends_the_execution_with_what_was_done_and_what_that_cost(
    tmp_path: Path, request_for: Request
) -> None:
    limit = 0.1
    async with ScriptedEndpoint.serving(says_no) as endpoint:
        model = {"provider": "openai", "model": "m", "endpoint": endpoint.base_url, "prices": PRICES}
        file = tmp_path / "models.yaml"
        file.write_text(yaml.safe_dump({"models": {"priced": model}}))
        env = {
            "AUTOFLOW_MODELS": str(file),
            "AUTOFLOW_PRELOAD_MODELS": "none",
            "AUTOFLOW_INTERPRETER_DATA": str(tmp_path),
        }
        async with serving(build(env)) as address, grpc.aio.insecure_channel(address) as channel:
            one = Server(address, channel)
            limits = pb.ExecutionLimits(max_cost_usd=limit, max_steps=1000)
            events = await events_of(one.execute(request_for(LOOP, model="priced", limits=limits)))
            kept = await one.get(events[0].started.execution)

    charged = [call.charged for call in endpoint.calls]
    cached = CACHED * (PRICES["cached"] - PRICES["prompt"])
    costs = [
        (prompt * PRICES["prompt"] + cached + drawn * PRICES["completion"]) / 1e6
        for prompt, drawn in filter(None, charged)
    ]
    *before, whole = accumulate(costs)
    finished = events[-1].finished
    assert finished == kept.finished
    assert finished.outcome == pb.EXECUTION_OUTCOME_COST_LIMIT
    # The call that passes the limit is the last.
    assert max(before) < limit <= whole
    assert finished.usage.cost_usd == pytest.approx(whole, abs=1e-9)
    assert (finished.usage.llm_calls, finished.usage.cached_prompt_tokens) == (
        len(costs),
        CACHED * len(costs),
    )
    assert finished.detail == f"{whole:.6g} of 0.1 US dollars are spent"
    called = [event.model_called.usage.cost_usd for event in events if event.HasField("model_called")]
    assert called == pytest.approx(costs, abs=1e-9)
    assert kinds(events).count("step_answered") == finished.steps > 1

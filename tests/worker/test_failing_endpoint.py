"""Whole runs whose models are behind an endpoint that fails a fifth of its calls, or is away for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from autoflow.testing import Fault, FaultPlan, Refusal
from autoflow.testing.endpoint import EndpointScript, Said
from autoflow.testing.skilled_model import EXECUTOR, WRITER, skilled
from autoflow.v1 import run_pb2
from autoflow_worker.concurrency import Retry
from tests.worker.failing import KINDS, Session, session, timeless

QUICK = tuple(fault for fault in Fault if fault not in (Fault.SILENCE, Fault.DRIP))
"""Those that do not keep anybody waiting."""
PATIENT = Retry(attempts=8, first_wait=0.01, longest_wait=0.1)
HASTY = Retry(attempts=2, first_wait=0.01, longest_wait=0.01)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Runs on an endpoint that never fails."""
    return asyncio.run(session(tmp_path_factory.mktemp("steady")))


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The same runs on one that fails, and whose clients soon give up."""
    plan = FaultPlan(0.2, (*Fault, *QUICK), seed=7)
    home = tmp_path_factory.mktemp("failing")
    return asyncio.run(session(home, plan, attempts=2, attempt_timeout=1.0, retry=PATIENT))


@pytest.mark.parametrize("kind", KINDS)
def test_a_fifth_of_failing_calls_changes_nothing_but_the_time(
    kind: str, steady: Session, failing: Session
) -> None:
    there, here = steady.runs[kind], failing.runs[kind]
    assert there.state == run_pb2.RUN_STATE_SUCCEEDED, there.error
    assert there.ledger.missing == 0
    assert timeless(here) == timeless(there)


def test_the_runs_are_worth_comparing(steady: Session) -> None:
    drawn = [
        candidate
        for run in steady.runs.values()
        for iteration in run.iterations
        for candidate in iteration.candidates
    ]
    assert len({candidate.reward for candidate in drawn}) > 4
    assert {run_pb2.CANDIDATE_FATE_DUPLICATE, run_pb2.CANDIDATE_FATE_KEPT} <= {one.fate for one in drawn}
    assert any(candidate.mended for candidate in drawn)
    found = [run.optimization_result for run in steady.runs.values() if run.HasField("optimization_result")]
    assert {result.acceptance.accepted for result in found} == {True, False}


def test_the_endpoint_fails_in_every_way_also_past_the_attempts_of_a_call(
    steady: Session, failing: Session
) -> None:
    assert set(failing.faults) == set(map(str, Fault))
    assert 0.1 < failing.faults.total() / len(failing.endpoint.calls) < 0.3
    # Only an execution or a draw that began again asks again what was answered.
    assert failing.delivered > steady.delivered


def test_what_was_taken_is_paid_once(steady: Session, failing: Session) -> None:
    taken = steady.delivered
    assert steady.recorded == steady.charges(taken)
    assert failing.recorded == failing.charges(taken) == steady.recorded


def away_after(calls: int, model: str) -> Callable[[EndpointScript], EndpointScript]:
    """An endpoint that is away for one of its models after some calls of it; all its workflows are right."""
    asked, written = count(), count()

    def changed(script: EndpointScript) -> EndpointScript:
        def say(body: Mapping[str, Any]) -> Said:
            if body["model"] == model and next(asked) >= calls:
                return Refusal(503, {"message": "away"})
            if body["model"] == WRITER:
                return skilled(5, 5, next(written))
            said = script(body)
            assert isinstance(said, str)
            return said

        return say

    return changed


@pytest.mark.parametrize(
    ("kind", "model", "calls", "reason"),
    [
        ("random", WRITER, 0, "the generator could not serve: UNAVAILABLE"),
        ("random", EXECUTOR, 30, "not one candidate of the iteration could be measured"),
        ("reflective", EXECUTOR, 30, "not one candidate of the iteration could be measured"),
        ("history", WRITER, 2, "the generator could not serve: UNAVAILABLE"),
        ("evaluate", EXECUTOR, 0, "nothing could be measured on a whole batch of tasks"),
    ],
)
async def test_an_endpoint_that_is_away_for_good_ends_the_run_and_lowers_no_score(
    kind: str, model: str, calls: int, reason: str, tmp_path: Path
) -> None:
    script = away_after(calls, model)
    ended = await session(tmp_path, kinds=[kind], script=script, attempts=1, retry=HASTY)
    run = ended.runs[kind]
    assert run.state == run_pb2.RUN_STATE_FAILED
    # Another worker has tried in vain.
    assert run.error.message.startswith("a worker was lost 2 times in a row")
    assert reason in run.error.message
    assert run.WhichOneof("outcome") is None
    assert bool(run.iterations) == bool(calls)
    candidates = [candidate for iteration in run.iterations for candidate in iteration.candidates]
    assert {one.reward for one in candidates if one.HasField("reward")} <= {1.0}
    assert all(one.tasks for one in candidates if one.HasField("reward"))

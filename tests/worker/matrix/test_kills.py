"""A matrix of two checkpoints over real services, whose worker is killed twice on the way."""

from __future__ import annotations

from pathlib import Path

from autoflow.v1 import run_pb2, trainer_service_pb2
from autoflow.v1.interpreter_service_pb2 import EXECUTION_STATE_CANCELLED, EXECUTION_STATE_FINISHED
from tests.trainer.suites import parts
from tests.worker.matrix.killing import (
    counted,
    disturbed,
    executions,
    kill_last,
    system,
    until_more,
    wanted,
)


async def test_a_worker_that_is_killed_twice_is_followed_and_no_execution_is_paid_twice(
    tmp_path: Path,
) -> None:
    async with system(tmp_path, disturbed(tmp_path / "second")) as (service, client, notes):
        suite = (await service.client.trainer.create_suite(parts(), timeout=30)).suite
        name = (await service.create(wanted(suite.name))).name
        await service.until(name, lambda run: any(one.index == 4 for one in run.iterations))
        kill_last(notes)
        # The last iteration is committed: what is executed now is known to the interpreter alone.
        await service.until(name, lambda run: any(one.index == 7 for one in run.iterations))
        await until_more(client, 4)
        kill_last(notes)
        run = await service.until_final(name)
        assert run.state == run_pb2.RUN_STATE_SUCCEEDED, run.error
        assert len(notes.read_text().split()) == 3
        kept = await executions(client)
        page = trainer_service_pb2.DownloadReportRequest(name=name)
        assert b"<!DOCTYPE html>" in b"".join(
            [part.chunk async for part in service.client.trainer.download_report(page)]
        )
    assert [iteration.index for iteration in run.iterations] == list(range(8))
    assert [iteration.pairing for iteration in run.iterations] == [0, 1, 2, 3] * 2
    assert len(run.matrix_result.pairings) == 4
    assert all(pairing.winner.source for pairing in run.matrix_result.pairings)
    finished = counted(kept)
    assert set(finished.values()) == {1}
    # What is told to have been paid is what was executed to its end.
    assert run.ledger.executions == finished.total()
    assert sum(pairing.spent.executions for pairing in run.matrix_result.pairings) == finished.total()
    assert {one.state for one in kept} <= {EXECUTION_STATE_FINISHED, EXECUTION_STATE_CANCELLED}
    # Both checkpoints have executed, and they are two.
    assert {model for model, _, _ in finished} == {"embedded", "second"}

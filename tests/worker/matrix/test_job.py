"""Matrices: whose turn it is, what is shared, kept and told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autoflow.errors import FailedPrecondition
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import Split
from autoflow_worker.ledger import Budget, BudgetSpent, Ledger
from autoflow_worker.matrix.convert import result_to_proto
from tests.worker.doubles import Killed, Notebook
from tests.worker.matrix.matrices import SETTINGS, Bench, matrix
from tests.worker.test_flags import leaky


async def test_every_pairing_has_a_winner_that_is_measured_on_the_split(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    job = bench.job()
    result = await job.run()
    assert [(str(found.generator), str(found.interpreter)) for found in result.pairings] == [
        ("g0", "i0"),
        ("g0", "i1"),
        ("g1", "i0"),
        ("g1", "i1"),
    ]
    test = len(bench.suite.tasks(Split.TEST))
    for found in result.pairings:
        assert found.winner is not None
        assert found.reward is not None
        assert found.reward.mean == pytest.approx(found.validation_mean) == 1
        assert found.spent.usage.calls
        assert (found.valid_rate, found.missing) == (1, 0)
    assert (result.test_openings, bench.journal.openings) == (1, [bench.suite.digest])
    assert (bench.journal.phases[-1].phase, bench.journal.phases[-2]) == (
        "reporting",
        replace(bench.journal.phases[-2], phase="comparing", total=4 * test),
    )
    assert job.ledger.executions == sum(reader.calls.total() for reader in bench.readers.values())


async def test_the_pairings_take_turns_and_every_iteration_is_committed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.job().run()
    reports = bench.journal.reports
    assert [report.index for report in reports] == list(range(12))
    assert [report.pairing for report in reports] == [0, 1, 2, 3] * SETTINGS.iterations
    searching = [one for one in bench.journal.phases if one.phase == "pairing 2 of 4: searching"]
    assert [(one.done, one.total) for one in searching] == [(0, 3), (1, 3), (2, 3)]


async def test_what_pairings_spend_adds_up_to_what_the_run_spends(tmp_path: Path) -> None:
    job = Bench(tmp_path).job()
    result = await job.run()
    spent = sum((found.spent for found in result.pairings), Ledger())
    assert replace(spent, seconds=0) == replace(job.ledger, seconds=0)


async def test_pairings_of_one_interpreter_share_what_was_measured(tmp_path: Path) -> None:
    # Both generators write the same, so the second costs no execution at all.
    bench = Bench(tmp_path, matrix(interpreters=1))
    result = await bench.job().run()
    first, second = result.pairings
    assert first.winner == second.winner
    assert first.spent.executions > 0
    assert second.spent.executions == 0
    assert second.spent.cache_hits > 0
    assert set(bench.readers["i0"].calls.values()) == {1}


async def test_interpreters_share_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, matrix(generators=1))
    await bench.job().run()
    assert bench.readers["i0"].calls == bench.readers["i1"].calls


@pytest.mark.parametrize("died_after", [0, 1, 4, 7, 11])
async def test_another_worker_goes_on_from_the_last_commit_to_the_same_end(
    tmp_path: Path, died_after: int
) -> None:
    expected = await Bench(tmp_path / "whole").job().run()
    bench = Bench(tmp_path / "halved", journal=Notebook(stop_after=died_after))
    with pytest.raises(Killed):
        await bench.job().run()
    paid = bench.journal.reports[-1].ledger.executions if died_after else 0
    job = bench.next_job()
    result = await job.run()
    assert result_to_proto(result) == result_to_proto(expected)
    assert [report.index for report in bench.journal.reports] == list(range(died_after, 12))
    anew = sum(reader.calls.total() for reader in bench.readers.values())
    assert job.ledger.executions == paid + anew


@pytest.mark.parametrize("method", ["history", "random"])
async def test_every_method_is_resumed(tmp_path: Path, method: str) -> None:
    spec = matrix(method=method, training=replace(SETTINGS, candidates=1))
    expected = await Bench(tmp_path / "whole", spec).job().run()
    bench = Bench(tmp_path / "halved", spec, journal=Notebook(stop_after=5))
    with pytest.raises(Killed):
        await bench.job().run()
    assert result_to_proto(await bench.next_job().run()) == result_to_proto(expected)


async def test_interpreters_of_other_prompts_measure_anew_what_others_measured_before(tmp_path: Path) -> None:
    bench = Bench(tmp_path, journal=Notebook(stop_after=5))
    with pytest.raises(Killed):
        await bench.job().run()
    bench.prompts = " in other words"
    result = await bench.next_job().run()
    assert all(pairing.winner for pairing in result.pairings)


async def test_a_pairing_without_a_valid_workflow_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, write=lambda name, seed: None if name == "g1" else "Alpha, Beta")
    result = await bench.job().run()
    assert [found.winner is None for found in result.pairings] == [False, False, True, True]
    lost = result_to_proto(result).pairings[2]
    assert (lost.valid_rate, lost.spent.executions, lost.spent.usage.llm_calls) == (0, 0, 6)
    assert not lost.HasField("winner")
    assert not lost.HasField("reward")


async def test_a_matrix_without_any_valid_workflow_fails_and_opens_no_test_split(tmp_path: Path) -> None:
    bench = Bench(tmp_path, write=lambda name, seed: None)
    with pytest.raises(FailedPrecondition, match="not one pairing"):
        await bench.job().run()
    assert bench.journal.openings == []


async def test_the_validation_split_opens_nothing_and_costs_nothing_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, matrix(split=Split.VALIDATION))
    result = await bench.job().run()
    assert (result.test_openings, bench.journal.openings) == (0, [])
    for found in result.pairings:
        assert found.reward is not None
        assert found.reward.mean == found.validation_mean
    tasks = {task for reader in bench.readers.values() for _, task in reader.calls}
    assert not tasks & {task.id for task in bench.suite.tasks(Split.TEST)}


async def test_a_budget_for_less_than_one_iteration_of_each_is_refused_before_anything_is_spent(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, matrix(budget=Budget(max_executions=50)))
    with pytest.raises(BudgetSpent, match="one iteration of every pairing"):
        await bench.job().run()
    assert not any(reader.calls for reader in bench.readers.values())


async def test_a_budget_that_ends_early_ends_the_searches_alike(tmp_path: Path) -> None:
    # 4 pairings of 5 validation and 8 test tasks, with up to 6 workflows each, and two iterations of 4 cells.
    most = 4 * (6 * 5 + 8) + 2 * 4 * 4
    bench = Bench(
        tmp_path, matrix(budget=Budget(max_executions=most)), write=lambda name, seed: f"Alpha # {name}{seed}"
    )
    job = bench.job()
    result = await job.run()
    done = [report.pairing for report in bench.journal.reports]
    assert done == [0, 1, 2, 3] * 2
    assert job.ledger.executions <= most
    assert all(found.winner for found in result.pairings)


async def test_a_pairing_where_one_model_cannot_read_what_another_can_is_seen(tmp_path: Path) -> None:
    bench = Bench(tmp_path, matrix(generators=1), read={"i1": lambda workflow, task: "Alpha"})
    first, second = (await bench.job().run()).pairings
    assert first.reward is not None
    assert second.reward is not None
    assert [first.reward.mean, second.reward.mean] == pytest.approx([1, 2 / 3])


async def test_the_page_is_an_artifact(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    result = await bench.job().run()
    assert ArtifactStore(str(tmp_path)).get(result.page).startswith(b"<!DOCTYPE html>")


async def test_flags_say_what_to_know(tmp_path: Path) -> None:
    query = "Please tell me everything about the seven wonders of the old world"
    tasks = leaky(query)
    bench = Bench(
        tmp_path,
        matrix(generators=1, interpreters=1),
        suite=tasks,
        write=lambda name, seed: f"{query}: Alpha",
    )
    (found,) = (await bench.job().run()).pairings
    assert [flag.kind for flag in found.flags] == ["leak"]
    assert found.flags[0].tasks == tuple(task.id for task in tasks.tasks(Split.TEST))

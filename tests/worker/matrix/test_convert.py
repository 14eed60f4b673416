"""Messages of matrices into the worker's values, and back."""

from __future__ import annotations

import pytest

from autoflow.errors import FailedPrecondition
from autoflow.llm.base import Usage
from autoflow.methods import Reward
from autoflow.suites import Split
from autoflow.v1 import model_pb2, run_pb2, run_worker_service_pb2, task_pb2
from autoflow_worker import convert
from autoflow_worker.flags import Flag, FlagKind
from autoflow_worker.ledger import Budget, Ledger
from autoflow_worker.matrix.convert import result_to_proto, spec_from_proto
from autoflow_worker.matrix.results import MatrixResult, PairingResult
from autoflow_worker.matrix.spec import MatrixSpec, ModelName
from autoflow_worker.results import IterationReport
from autoflow_worker.search import SEARCHES
from autoflow_worker.statistics import Estimate
from tests.trainer.matrices import matrix
from tests.worker.doubles import workflow

ADAPTER = "sha256:" + "1" * 64


def test_what_is_left_open_is_the_methods_own() -> None:
    spec = spec_from_proto(matrix(suite="suites/planning"))
    assert spec == MatrixSpec(
        suite="suites/planning",
        generators=(ModelName("m1"), ModelName("m2")),
        interpreters=(ModelName("m1"), ModelName("m2")),
        method="random",
        training=SEARCHES["random"].defaults,
    )


def test_what_is_said_counts() -> None:
    run = matrix(
        method=run_pb2.METHOD_HISTORY,
        seed=7,
        iterations=5,
        candidates=1,
        tasks=3,
        reward=run_pb2.REWARD_EXECUTED,
        split=task_pb2.SPLIT_VALIDATION,
    )
    run.matrix.generators[1].adapter = ADAPTER
    run.budget.max_cost_usd = 1.5
    spec = spec_from_proto(run)
    assert (spec.method, spec.seed, spec.reward, spec.split) == (
        "history",
        7,
        Reward.EXECUTED,
        Split.VALIDATION,
    )
    assert (spec.training.iterations, spec.training.candidates, spec.training.tasks) == (5, 1, 3)
    assert spec.generators[1] == ModelName("m2", ADAPTER)
    assert spec.budget == Budget(max_cost_usd=1.5)


def test_each_pairing_has_a_search_of_its_own() -> None:
    run = matrix(["g1", "g2"], ["i1"], seed=3)
    run.matrix.generators[1].adapter = ADAPTER
    run.matrix.interpreters[0].adapter = ADAPTER
    spec = spec_from_proto(run)
    first, second = (spec.search(*pairing) for pairing in spec.pairings)
    assert (first.generator, first.generator_adapter, first.interpreter) == ("g1", "", "i1")
    assert (second.generator, second.generator_adapter, second.interpreter_adapter) == (
        "g2",
        ADAPTER,
        ADAPTER,
    )
    assert first.seed == second.seed == 3
    assert not first.trains


@pytest.mark.parametrize("method", [run_pb2.METHOD_UNSPECIFIED, 99])
def test_a_method_of_a_later_contract_is_told(method: run_pb2.Method.ValueType) -> None:
    with pytest.raises(FailedPrecondition, match="a method that is not known here"):
        spec_from_proto(matrix(method=method))


def test_a_result_is_told_whole() -> None:
    found = PairingResult(
        ModelName("g", ADAPTER),
        ModelName("i"),
        workflow("Alpha"),
        0.75,
        Estimate(0.5, 0.25, 0.75),
        valid_rate=0.5,
        missing=2,
        spent=Ledger(3, 4, 5, Usage(6, 7, 8), 9.5, 10, 11),
        flags=(Flag(FlagKind.MISSING, "g / i", "why", ("t",)),),
    )
    message = result_to_proto(MatrixResult((found,), 2, "sha256:5", "sha256:b"))
    assert (message.test_openings, message.suite_digest, message.page) == (2, "sha256:5", "sha256:b")
    (pairing,) = message.pairings
    assert pairing.generator == model_pb2.ModelRef(model="g", adapter=ADAPTER)
    assert pairing.interpreter == model_pb2.ModelRef(model="i")
    assert pairing.winner == convert.workflow_to_proto(workflow("Alpha"))
    assert pairing.reward == run_pb2.Estimate(mean=0.5, ci95_low=0.25, ci95_high=0.75)
    assert (pairing.validation_mean, pairing.valid_rate, pairing.missing) == (0.75, 0.5, 2)
    assert convert.ledger_from_proto(pairing.spent) == found.spent
    assert [flag.message for flag in pairing.flags] == ["why"]


def test_a_pairing_without_a_winner_has_no_reward() -> None:
    bare = PairingResult(ModelName("g"), ModelName("i"), None)
    (pairing,) = result_to_proto(MatrixResult((bare,), 0, "", "")).pairings
    assert not pairing.HasField("winner")
    assert not pairing.HasField("reward")


def test_an_iteration_says_of_which_pairing_it_is() -> None:
    message = convert.iteration_to_proto(IterationReport(5, 0.5, 1.0, pairing=3))
    assert (message.index, message.pairing) == (5, 3)


def test_a_lease_reads_a_matrix() -> None:
    response = run_worker_service_pb2.LeaseRunResponse(run=matrix())
    grant = convert.grant_from_proto(response, spec_from_proto)
    assert grant.read_spec() == spec_from_proto(matrix())

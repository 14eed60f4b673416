"""Messages of matrices and the worker's own values, one into the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from autoflow.convert import method_from_proto, reward_from_proto, split_from_proto
from autoflow.methods import Reward
from autoflow.suites import Split
from autoflow.v1 import model_pb2, run_pb2
from autoflow_worker import convert
from autoflow_worker.matrix.results import MatrixResult, PairingResult
from autoflow_worker.matrix.spec import MatrixSpec, ModelName
from autoflow_worker.search import SEARCHES


def spec_from_proto(run: run_pb2.Run) -> MatrixSpec:
    """What a matrix is to do, with every default filled in.

    Raises:
        FailedPrecondition: the run asks for a method or a reward that this worker does not know.
    """
    wanted = run.matrix
    method = method_from_proto(wanted.method)
    defaults = SEARCHES[method].defaults
    return MatrixSpec(
        suite=wanted.suite,
        generators=_models(wanted.generators),
        interpreters=_models(wanted.interpreters),
        method=method,
        training=replace(
            defaults,
            iterations=wanted.iterations or defaults.iterations,
            candidates=wanted.candidates or defaults.candidates,
            tasks=wanted.tasks or defaults.tasks,
        ),
        split=split_from_proto(wanted.split) if wanted.split else Split.TEST,
        reward=reward_from_proto(wanted.reward) or Reward.PLAN,
        seed=wanted.seed,
        budget=convert.budget_from_proto(run.budget),
    )


def _models(models: Iterable[model_pb2.ModelRef]) -> tuple[ModelName, ...]:
    return tuple(ModelName(item.model, item.adapter) for item in models)


def result_to_proto(result: MatrixResult) -> run_pb2.MatrixResult:
    """A result as a message."""
    return run_pb2.MatrixResult(
        pairings=map(_pairing_to_proto, result.pairings),
        test_openings=result.test_openings,
        suite_digest=result.suite_digest,
        page=result.page,
    )


def _pairing_to_proto(found: PairingResult) -> run_pb2.Pairing:
    return run_pb2.Pairing(
        generator=_model_to_proto(found.generator),
        interpreter=_model_to_proto(found.interpreter),
        winner=convert.workflow_to_proto(found.winner) if found.winner else None,
        validation_mean=found.validation_mean,
        reward=convert.estimate_to_proto(found.reward) if found.reward else None,
        valid_rate=found.valid_rate,
        missing=found.missing,
        spent=convert.ledger_to_proto(found.spent),
        flags=map(convert.flag_to_proto, found.flags),
    )


def _model_to_proto(name: ModelName) -> model_pb2.ModelRef:
    return model_pb2.ModelRef(model=name.model, adapter=name.adapter)

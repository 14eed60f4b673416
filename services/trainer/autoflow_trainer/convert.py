"""Messages of the contract and the trainer's own values, one into the other.

Requests were validated before they come here: what is required is set, what is an enum is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.status_pb2 import Status

from autoflow.convert import method_from_proto, reward_from_proto, split_from_proto
from autoflow.errors import Unauthenticated
from autoflow.suites import Split
from autoflow.v1 import model_pb2, run_pb2, run_worker_service_pb2, workflow_pb2
from autoflow_trainer.control import Page, Snapshot
from autoflow_trainer.leases import Grant
from autoflow_trainer.power import RunPower, run_power
from autoflow_trainer.requests import (
    EvaluationRequest,
    MatrixRequest,
    ModelName,
    NamedWorkflow,
    OptimizationRequest,
    RunRequest,
)
from autoflow_trainer.runs import (
    Cancelled,
    Claim,
    Failed,
    Failure,
    Iteration,
    Outcome,
    Progress,
    Run,
    RunState,
    Succeeded,
)
from autoflow_trainer.suite_convert import suite_id
from autoflow_trainer.suites import Suite

_STATES: Mapping[RunState, run_pb2.RunState.ValueType] = MappingProxyType(
    {
        RunState.PENDING: run_pb2.RUN_STATE_PENDING,
        RunState.RUNNING: run_pb2.RUN_STATE_RUNNING,
        RunState.CANCELLING: run_pb2.RUN_STATE_CANCELLING,
        RunState.SUCCEEDED: run_pb2.RUN_STATE_SUCCEEDED,
        RunState.FAILED: run_pb2.RUN_STATE_FAILED,
        RunState.CANCELLED: run_pb2.RUN_STATE_CANCELLED,
    }
)
_BEARER = "bearer "


def run_name(run_id: str) -> str:
    """`runs/<id>`."""
    return f"runs/{run_id}"


def run_id(name: str) -> str:
    """The id in `runs/<id>`."""
    return name.removeprefix("runs/")


def request_from_proto(message: run_pb2.Run) -> RunRequest:
    """What somebody asks for; output-only fields are dropped."""
    spec = run_pb2.Run()
    if message.HasField("budget"):
        spec.budget.CopyFrom(message.budget)
    match message.WhichOneof("kind"):
        case "evaluation":
            spec.evaluation.CopyFrom(message.evaluation)
            return _evaluation_from_proto(spec)
        case "matrix":
            spec.matrix.CopyFrom(message.matrix)
            return _matrix_from_proto(spec)
        case _:
            spec.optimization.CopyFrom(message.optimization)
            return _optimization_from_proto(spec)


def _optimization_from_proto(spec: run_pb2.Run) -> OptimizationRequest:
    wanted = spec.optimization
    comparators = _named(wanted.test.comparators if wanted.HasField("test") else ())
    return OptimizationRequest(
        spec=_bytes(spec),
        suite=suite_id(wanted.suite),
        method=method_from_proto(wanted.method),
        candidates=wanted.candidates,
        iterations=wanted.iterations,
        generator_adapter=wanted.generator.adapter,
        lora=wanted.HasField("lora"),
        comparators=comparators,
        reward=reward_from_proto(wanted.reward),
    )


def _evaluation_from_proto(spec: run_pb2.Run) -> EvaluationRequest:
    wanted = spec.evaluation
    workflows = _named(wanted.workflows)
    return EvaluationRequest(
        spec=_bytes(spec),
        suite=suite_id(wanted.suite),
        split=split_from_proto(wanted.split),
        workflows=workflows,
        reward=reward_from_proto(wanted.reward),
        tasks=wanted.tasks,
        temperature=wanted.temperature,
        repeats=wanted.repeats or 1,
    )


def _matrix_from_proto(spec: run_pb2.Run) -> MatrixRequest:
    wanted = spec.matrix
    return MatrixRequest(
        spec=_bytes(spec),
        suite=suite_id(wanted.suite),
        method=method_from_proto(wanted.method),
        candidates=wanted.candidates,
        split=split_from_proto(wanted.split) if wanted.split else Split.TEST,
        generators=_models(wanted.generators),
        interpreters=_models(wanted.interpreters),
        reward=reward_from_proto(wanted.reward),
    )


def _models(models: Iterable[model_pb2.ModelRef]) -> tuple[ModelName, ...]:
    return tuple(ModelName(item.model, item.adapter) for item in models)


def _named(workflows: Iterable[run_pb2.NamedWorkflow]) -> tuple[NamedWorkflow, ...]:
    """Given workflows; what their messages hold beside name and text is cleared."""
    for item in workflows:
        item.workflow.CopyFrom(workflow_pb2.Workflow(source=item.workflow.source))
    return tuple(NamedWorkflow(item.name, item.workflow.source) for item in workflows)


def snapshot_to_proto(snapshot: Snapshot) -> run_pb2.Run:
    """A run with those iterations that the snapshot has."""
    message = run_to_proto(snapshot.run)
    message.iterations.extend(map(run_pb2.Iteration.FromString, snapshot.iterations))
    return message


def page_to_proto(page: Page) -> list[run_pb2.Run]:
    """The runs of a page."""
    return [run_to_proto(run) for run in page.runs]


def run_to_proto(run: Run) -> run_pb2.Run:
    """A run without iterations."""
    message = run_pb2.Run.FromString(run.spec)
    message.name = run_name(run.id)
    message.state = _STATES[run.state]
    message.create_time.CopyFrom(_timestamp(run.create_time))
    if run.start_time is not None:
        message.start_time.CopyFrom(_timestamp(run.start_time))
    if run.end_time is not None:
        message.end_time.CopyFrom(_timestamp(run.end_time))
    if run.progress is not None:
        message.progress.CopyFrom(progress_to_proto(run.progress))
    message.ledger.CopyFrom(run_pb2.Ledger.FromString(run.ledger))
    if run.failure is not None:
        message.error.CopyFrom(failure_to_proto(run.failure))
    if run.power:
        message.power.ParseFromString(run.power)
    # A list's runs come without their results.
    if run.result:
        result: Message = getattr(message, f"{message.WhichOneof('kind')}_result")
        result.ParseFromString(run.result)
    return message


def power_bytes(request: RunRequest, suite: Suite) -> bytes:
    """How small a difference a run can tell from chance, as it is kept; empty where it compares nothing."""
    found = run_power(request, suite)
    return _bytes(power_to_proto(found)) if found else b""


def power_to_proto(found: RunPower) -> run_pb2.PowerAnalysis:
    """How small a difference a run can tell from chance, as a message."""
    return run_pb2.PowerAnalysis(
        tasks=found.power.tasks,
        minimum_detectable_effect=found.power.effect,
        assumed_sd=found.power.sd,
        candidates=found.candidates,
    )


def run_kind(run: Run) -> str:
    """`optimization`, `evaluation` or `matrix`."""
    return run_pb2.Run.FromString(run.spec).WhichOneof("kind") or ""


def progress_to_proto(progress: Progress) -> run_pb2.RunProgress:
    """How far a run is, as a message."""
    return run_pb2.RunProgress(phase=progress.phase, done=progress.done, total=progress.total)


def progress_from_proto(request: run_worker_service_pb2.HeartbeatRequest) -> Progress | None:
    """How far a run is; None where the heartbeat does not say."""
    if not request.HasField("progress"):
        return None
    message = request.progress
    return Progress(message.phase, message.done, message.total)


def failure_to_proto(failure: Failure) -> Status:
    """Why a run failed, as a message."""
    if failure.status:
        return Status.FromString(failure.status)
    return Status(code=failure.code, message=failure.message)


def failure_from_proto(message: Status) -> Failure:
    """Why a run failed, from what its worker says."""
    return Failure(message.code, message.message, _bytes(message))


def iteration_from_proto(request: run_worker_service_pb2.CommitIterationRequest) -> Iteration:
    """The iteration of a commit."""
    message = request.iteration
    return Iteration(message.index, _bytes(message), _bytes(message.ledger), request.checkpoint)


def outcome_from_proto(request: run_worker_service_pb2.FinishRunRequest) -> Outcome:
    """How a run ended."""
    match request.WhichOneof("outcome"):
        case "optimization_result":
            return Succeeded(_bytes(request.optimization_result), "optimization")
        case "evaluation_result":
            return Succeeded(_bytes(request.evaluation_result), "evaluation")
        case "matrix_result":
            return Succeeded(_bytes(request.matrix_result), "matrix")
        case "error":
            return Failed(failure_from_proto(request.error))
        case _:
            return Cancelled()


def ledger_from_proto(message: run_pb2.Ledger) -> bytes:
    """What a run has spent, as the bytes that are kept."""
    return _bytes(message)


def grant_to_proto(grant: Grant) -> run_worker_service_pb2.LeaseRunResponse:
    """A lease as a message."""
    duration = Duration()
    duration.FromTimedelta(grant.duration)
    return run_worker_service_pb2.LeaseRunResponse(
        run=snapshot_to_proto(grant.snapshot),
        fencing_token=grant.fencing_token,
        lease_duration=duration,
        checkpoint=grant.checkpoint,
        suite_artifact=grant.snapshot.run.suite_artifact,
    )


def bearer_token(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """The token in a call's metadata, `authorization: Bearer …`.

    Raises:
        Unauthenticated: there is none.
    """
    for key, value in metadata or ():
        if key == "authorization" and isinstance(value, str) and value.lower().startswith(_BEARER):
            return value[len(_BEARER) :]
    raise Unauthenticated("the call carries no worker token (metadata `authorization: Bearer …`)")


def claim_from_proto(metadata: Iterable[tuple[str, str | bytes]] | None, fencing_token: int) -> Claim:
    """What proves that the run is the caller's.

    Raises:
        Unauthenticated: the metadata holds no token.
    """
    return Claim(bearer_token(metadata), fencing_token)


def _bytes(message: Message) -> bytes:
    # Equal messages must have equal bytes: that is how a repeated request or commit is known.
    return message.SerializeToString(deterministic=True)


def _timestamp(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp

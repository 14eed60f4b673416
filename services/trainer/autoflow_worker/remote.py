"""The other services, over gRPC: the protocols of `autoflow_worker.ports` and `autoflow_worker.lease`.

Their errors are sorted in `autoflow_worker.sorted_errors`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager

from google.protobuf.duration_pb2 import Duration

from autoflow import prompts
from autoflow.client import GeneratorClient, InterpreterClient, RpcError, ScorerClient
from autoflow.client import errors as rpc
from autoflow.client.worker import RunWorkerClient
from autoflow.convert import plan_reference_to_proto, tool_to_proto, usage_from_proto
from autoflow.errors import FailedPrecondition
from autoflow.plans import PlanReference
from autoflow.server.errors import failure
from autoflow.suites import Task, TaskSuite
from autoflow.v1 import (
    generator_service_pb2,
    interpreter_service_pb2,
    model_pb2,
    run_worker_service_pb2,
    scorer_service_pb2,
    task_pb2,
)
from autoflow_worker import convert
from autoflow_worker.evaluation import convert as evaluations
from autoflow_worker.evaluation.table import EvaluationResult
from autoflow_worker.lease import Cancelled, Finding, Grant, LeaseLost
from autoflow_worker.ledger import Ledger
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.ports import (
    CallFailed,
    Candidate,
    Execution,
    Generation,
    Prompt,
    Score,
    TimedOut,
    Workflow,
)
from autoflow_worker.results import IterationReport, Progress, Result
from autoflow_worker.sorted_errors import call_failed, sorted_errors

_EXECUTION_STEPS = 24
"""Three times the steps that a drawn workflow may have: room for its loops, not for endless ones."""
_STEP_SECONDS = 12.5
"""An execution whose steps take so long was starved; see `RemoteInterpreter`."""
_SLACK = 30
"""Seconds that a call has beyond the execution's own limit, which is the one that should end it."""
_METRICS = ("plan_valid", "plan_f1")

_LOSES_THE_LEASE = (rpc.Aborted, rpc.FailedPrecondition, rpc.NotFound, rpc.Unauthenticated)


class RemoteGenerator:
    """Draws candidates of one suite's workflows.

    Args:
        client: of the generator.
        model: the model that learns.
        suite: its goal and tools are what the model is told.
        training: how candidates are drawn.
    """

    def __init__(
        self, client: GeneratorClient, model: str, suite: TaskSuite, training: TrainingSettings
    ) -> None:
        self._client = client
        self._template = generator_service_pb2.GenerateWorkflowsRequest(
            model=model_pb2.ModelRef(model=model),
            goal=suite.goal,
            tools=map(tool_to_proto, suite.tools),
            sampling=model_pb2.SamplingParams(
                temperature=training.temperature, max_tokens=training.max_tokens
            ),
            max_steps=training.max_steps,
        )

    async def draw(self, count: int, *, seed: int, adapter: str) -> Generation:
        """Draws candidates; see `autoflow_worker.ports.Generator`."""
        request = generator_service_pb2.GenerateWorkflowsRequest()
        request.CopyFrom(self._template)
        request.count = count
        request.sampling.seed = seed
        request.model.adapter = adapter
        prompt = Prompt((), "")
        drawn: dict[int, Candidate] = {}
        with sorted_errors("generator"):
            async with aclosing(self._client.generate_workflows(request)) as events:
                async for event in events:
                    if event.HasField("started"):
                        prompt = Prompt(tuple(event.started.prompt_token_ids), event.started.grammar)
                    else:
                        drawn[event.candidate.index] = convert.candidate_from_proto(event.candidate)
        if len(drawn) != count:
            raise CallFailed(f"the generator gave {len(drawn)} of {count} candidates")
        return Generation(prompt, tuple(drawn[index] for index in range(count)))


class RemoteInterpreter:
    """Executes workflows on one suite's tasks, greedily.

    An execution that runs into the limit on *time* counts as a failed call: how fast the model is has nothing
    to do with the workflow, and a reward must not depend on what else the machine was doing. All other limits
    are the workflow's own doing.

    Args:
        client: of the interpreter.
        model: the model that executes.
        adapter: of that model; empty for none.
        suite: its tools are what answers may name and steps may call; it says what an execution may take.
    """

    def __init__(self, client: InterpreterClient, model: str, adapter: str, suite: TaskSuite) -> None:
        self._client = client
        allowed = suite.allowance
        steps = allowed.steps or _EXECUTION_STEPS
        self._template = interpreter_service_pb2.ExecuteWorkflowRequest(
            tools=map(tool_to_proto, suite.plan_tools),
            step_tools=[tool.name for tool in suite.step_tools],
            model=model_pb2.ModelRef(model=model, adapter=adapter),
            memory=interpreter_service_pb2.MEMORY_STRATEGY_APPEND,
            limits=interpreter_service_pb2.ExecutionLimits(
                max_steps=steps,
                max_tokens=allowed.tokens,
                max_wall_time=Duration(seconds=int(steps * _STEP_SECONDS)),
            ),
        )
        if allowed.answer_tokens:
            self._template.sampling.max_tokens = allowed.answer_tokens

    @property
    def identity(self) -> str:
        """Everything but workflow and task that decides an execution, as far as it is asked for.

        What is left to the interpreter is not in it: which protocol is the best that the model can.
        """
        model = self._template.model
        request = hashlib.sha256(self._template.SerializeToString(deterministic=True)).hexdigest()
        return f"{model.model} {model.adapter or '-'} prompts={prompts.VERSION} request={request}"

    async def execute(self, workflow: Workflow, task: Task) -> Execution:
        """Executes a workflow on a task; see `autoflow_worker.ports.Interpreter`."""
        request = interpreter_service_pb2.ExecuteWorkflowRequest()
        request.CopyFrom(self._template)
        request.workflow.source = workflow.text
        request.query = task.query
        finished = None
        seconds = request.limits.max_wall_time.seconds + _SLACK
        with sorted_errors("interpreter"), _with_tools(request.step_tools):
            async with aclosing(self._client.execute_workflow(request, timeout=seconds)) as events:
                async for event in events:
                    if event.HasField("finished"):
                        finished = event.finished
        if finished is None:
            raise CallFailed("the execution's stream ended before the execution did")
        if finished.outcome == interpreter_service_pb2.EXECUTION_OUTCOME_TIME_LIMIT:
            raise TimedOut("the execution ran out of time", usage_from_proto(finished.usage))
        return convert.execution_from_proto(finished)


@contextmanager
def _with_tools(names: Sequence[str]) -> Iterator[None]:
    """Says what to do where the interpreter has not all the tools that steps may call.

    Raises:
        FailedPrecondition: it lacks one; no other try will find it.
    """
    try:
        yield
    except rpc.InvalidArgument as error:
        fields = {violation.field for violation in error.details.violations}
        for place, name in enumerate(names):
            if f"step_tools[{place}]" in fields:
                advice = "name a source that has it in the file of its AUTOFLOW_TOOLS_FILE"
                raise FailedPrecondition(
                    f"the interpreter has no tool {name!r}, which the suite's workflows call; {advice}"
                ) from error
        raise


class RemoteScorer:
    """Scores answers to one suite's tasks.

    Args:
        client: of the scorer.
        suite: its tools are what plans may name.
    """

    def __init__(self, client: ScorerClient, suite: TaskSuite) -> None:
        self._client = client
        self._tools = suite.tools
        self._references: dict[str, task_pb2.PlanReference] = {}

    async def score(self, answers: Sequence[tuple[str, Task]]) -> list[Score]:
        """Scores each answer on its task; see `autoflow_worker.ports.Scorer`."""
        pairs = [
            scorer_service_pb2.ScorePair(output=task_pb2.Content(text=answer), plan=self._reference(task))
            for answer, task in answers
        ]
        request = scorer_service_pb2.ScoreOutputsRequest(pairs=pairs, metrics=_METRICS)
        with sorted_errors("scorer"):
            response = await self._client.score_outputs(request)
        columns = {scores.metric: scores.values for scores in response.scores}
        valid, reward = (columns.get(metric, ()) for metric in _METRICS)
        if len(valid) != len(answers) or len(reward) != len(answers):
            raise CallFailed("the scorer did not score every answer")
        return [Score(bool(ok), value, plan_f1=value) for ok, value in zip(valid, reward, strict=True)]

    def _reference(self, task: Task) -> task_pb2.PlanReference:
        if task.digest not in self._references:
            reference = PlanReference.of(task, self._tools)
            self._references[task.digest] = plan_reference_to_proto(reference)
        return self._references[task.digest]


class RemoteTrainer:
    """The trainer's side of one run.

    Args:
        client: of the trainer, with the run's token.
        run: `runs/<id>`.
    """

    def __init__(self, client: RunWorkerClient, run: str) -> None:
        self._client = client
        self._run = run

    async def lease(self) -> Grant:
        """Takes the run."""
        with self._sorted_errors():
            granted = await self._client.lease_run(run_worker_service_pb2.LeaseRunRequest(run=self._run))
        return evaluations.grant_from_proto(granted)

    async def heartbeat(self, fencing_token: int, progress: Progress | None) -> bool:
        """Keeps the lease; returns whether to cancel."""
        request = run_worker_service_pb2.HeartbeatRequest(
            run=self._run,
            fencing_token=fencing_token,
            progress=convert.progress_to_proto(progress) if progress else None,
        )
        with self._sorted_errors():
            return (await self._client.heartbeat(request)).cancel

    async def commit(self, fencing_token: int, report: IterationReport, checkpoint: str) -> None:
        """Stores an iteration."""
        request = run_worker_service_pb2.CommitIterationRequest(
            run=self._run,
            fencing_token=fencing_token,
            iteration=convert.iteration_to_proto(report),
            checkpoint=checkpoint,
        )
        with self._sorted_errors():
            await self._client.commit_iteration(request)

    async def open_test(self, fencing_token: int, suite_digest: str) -> int:
        """Records an opening of the test split; returns how many there were."""
        request = run_worker_service_pb2.OpenTestRequest(
            run=self._run, fencing_token=fencing_token, suite_digest=suite_digest
        )
        with self._sorted_errors():
            return (await self._client.open_test(request)).openings

    async def finish(
        self, fencing_token: int, ledger: Ledger, outcome: Finding | Exception | Cancelled
    ) -> None:
        """Ends the run."""
        request = run_worker_service_pb2.FinishRunRequest(
            run=self._run, fencing_token=fencing_token, ledger=convert.ledger_to_proto(ledger)
        )
        match outcome:
            case Cancelled():
                request.cancelled = True
            case Result():
                request.optimization_result.CopyFrom(convert.result_to_proto(outcome))
            case EvaluationResult():
                request.evaluation_result.CopyFrom(evaluations.result_to_proto(outcome))
            case _:
                # What is no error of the domain's tells its text to the log alone.
                request.error.CopyFrom(failure(outcome, self._run).status)
        with self._sorted_errors():
            await self._client.finish_run(request)

    @staticmethod
    @contextmanager
    def _sorted_errors() -> Iterator[None]:
        try:
            yield
        except _LOSES_THE_LEASE as error:
            raise LeaseLost(str(error)) from error
        except RpcError as error:
            raise call_failed("trainer", error) from error

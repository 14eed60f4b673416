"""The other services, over gRPC: the protocols of `autoflow_worker.ports` and `autoflow_worker.lease`.

Their errors are sorted in `autoflow_worker.sorted_errors`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from autoflow.client import GeneratorClient, ScorerClient
from autoflow.client import errors as rpc
from autoflow.convert import plan_reference_to_proto, tool_to_proto
from autoflow.errors import FailedPrecondition
from autoflow.plans import PlanReference
from autoflow.suites import Task, TaskSuite
from autoflow.v1 import (
    generator_service_pb2,
    model_pb2,
    scorer_service_pb2,
    task_pb2,
)
from autoflow_worker import drawing
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.ports import (
    CallFailed,
    Candidate,
    Generation,
    Prompt,
    Score,
)
from autoflow_worker.refinement import Attempt, Change, Refused
from autoflow_worker.sorted_errors import sorted_errors

_METRICS = ("plan_valid", "plan_f1")


class RemoteGenerator:
    """Draws candidates of one suite's workflows, and their successors.

    Args:
        client: of the generator.
        model: the model that writes.
        suite: its goal and tools are what the model is told.
        training: how candidates are drawn.
        mends: whether a draw that is no valid workflow is repaired and corrected. What is learned from must
            be what was sampled.
        priced: whether somebody counts dollars: then the model must have prices.
    """

    def __init__(
        self,
        client: GeneratorClient,
        model: str,
        suite: TaskSuite,
        training: TrainingSettings,
        *,
        mends: bool = False,
        priced: bool = False,
    ) -> None:
        self._client = client
        self._priced = priced
        self._template = generator_service_pb2.GenerateWorkflowsRequest(
            model=model_pb2.ModelRef(model=model),
            goal=suite.goal,
            tools=map(tool_to_proto, suite.tools),
            sampling=model_pb2.SamplingParams(
                temperature=training.temperature, max_tokens=training.max_tokens
            ),
            max_steps=training.max_steps,
            mending=generator_service_pb2.MENDING_CORRECT if mends else generator_service_pb2.MENDING_NONE,
        )

    async def draw(self, count: int, *, seed: int, adapter: str) -> Generation:
        """Draws candidates; see `autoflow_worker.ports.Generator`."""
        await self._require_prices()
        request = generator_service_pb2.GenerateWorkflowsRequest()
        request.CopyFrom(self._template)
        request.count = count
        request.sampling.seed = seed
        request.model.adapter = adapter
        return await _collected(self._client.generate_workflows(request), count)

    async def refine(
        self, attempts: Sequence[Attempt], change: Change | None, count: int, *, seed: int, adapter: str
    ) -> Generation:
        """Draws successors; see `autoflow_worker.refinement.Designer`."""
        await self._require_prices()
        told = self._template
        request = generator_service_pb2.RefineWorkflowRequest(
            model=model_pb2.ModelRef(model=told.model.model, adapter=adapter),
            goal=told.goal,
            tools=told.tools,
            attempts=map(drawing.attempt_to_proto, attempts),
            count=count,
            sampling=told.sampling,
            max_steps=told.max_steps,
            mending=told.mending,
            change=drawing.change_to_proto(change) if change else None,
        )
        request.sampling.seed = seed
        try:
            return await _collected(self._client.refine_workflow(request), count)
        except FailedPrecondition as error:
            if isinstance(error.__cause__, rpc.InvalidArgument):
                raise Refused(error.message) from error
            raise

    async def _require_prices(self) -> None:
        """Asks once.

        Raises:
            FailedPrecondition: dollars are counted, and nobody knows what the model costs.
            CallFailed: the service could not serve.
        """
        if not self._priced:
            return
        with sorted_errors("generator"):
            known = (await self._client.list_models(generator_service_pb2.ListModelsRequest())).models
        name = self._template.model.model
        if any(model.name == name and not model.HasField("prices") for model in known):
            raise FailedPrecondition(
                f"the catalogue has no prices of the model {name!r}, so the budget in dollars could do "
                "nothing: state them there, or limit tokens or calls"
            )
        self._priced = False


async def _collected(
    events: AsyncGenerator[
        generator_service_pb2.GenerateWorkflowsResponse | generator_service_pb2.RefineWorkflowResponse
    ],
    count: int,
) -> Generation:
    """The candidates of a stream, in the order of their seeds."""
    prompt = Prompt((), "")
    drawn: dict[int, Candidate] = {}
    with sorted_errors("generator"):
        async with aclosing(events) as arriving:
            async for event in arriving:
                if event.HasField("started"):
                    prompt = Prompt(tuple(event.started.prompt_token_ids), event.started.grammar)
                else:
                    drawn[event.candidate.index] = drawing.candidate_from_proto(event.candidate)
    if len(drawn) != count:
        raise CallFailed(f"the generator gave {len(drawn)} of {count} candidates")
    return Generation(prompt, tuple(drawn[index] for index in range(count)))


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

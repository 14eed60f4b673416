"""The scorer's messages and its values, one into the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from autoflow.convert import plan_reference_from_proto
from autoflow.errors import InvalidArgument
from autoflow.plans import PlanReference
from autoflow.v1 import scorer_service_pb2
from autoflow_scorer.scoring import Pair


def pairs_from_proto(request: scorer_service_pb2.ScoreOutputsRequest) -> Iterator[Pair]:
    """The pairs to score, made one by one as they are wanted.

    Raises:
        InvalidArgument: while they are made: a reference contradicts itself, so no output could be right.
    """
    for index, pair in enumerate(request.pairs):
        reference = plan_reference_from_proto(pair.plan)
        _check(reference, f"pairs[{index}].plan")
        yield Pair(pair.output, reference)


def _check(reference: PlanReference, field: str) -> None:
    names = {tool.name for tool in reference.tools}
    if len({name.casefold() for name in names}) < len(reference.tools):
        raise InvalidArgument(f"{field}.tools", "two tools have one name", fix="give every tool its own name")
    for number, plan in enumerate(reference.accepted):
        unknown = next((name for name in plan if name not in names), None)
        if unknown is not None:
            raise InvalidArgument(
                f"{field}.accepted[{number}].tools",
                f"{unknown!r} is none of the tools",
                fix="name the tools of `tools`, letter by letter",
            )


def scores_to_proto(scores: Mapping[str, Sequence[float]]) -> scorer_service_pb2.ScoreOutputsResponse:
    """Scores by metric, as a message."""
    columns = [
        scorer_service_pb2.MetricScores(metric=metric, values=values) for metric, values in scores.items()
    ]
    return scorer_service_pb2.ScoreOutputsResponse(scores=columns)

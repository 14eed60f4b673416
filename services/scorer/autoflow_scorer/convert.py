"""The scorer's messages and its values, one into the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from autoflow.convert import content_from_proto, content_type_to_proto, plan_reference_from_proto
from autoflow.errors import InvalidArgument
from autoflow.plans import PlanReference
from autoflow.v1 import scorer_service_pb2
from autoflow_scorer.metrics import Column, Content, Metric, Options, Pair, ReferenceType

_REFERENCE_TYPES: Mapping[ReferenceType, scorer_service_pb2.ReferenceType.ValueType] = MappingProxyType(
    {
        ReferenceType.PLAN: scorer_service_pb2.REFERENCE_TYPE_PLAN,
        ReferenceType.TEXT: scorer_service_pb2.REFERENCE_TYPE_TEXT,
        ReferenceType.IMAGE: scorer_service_pb2.REFERENCE_TYPE_IMAGE,
    }
)


def pairs_from_proto(request: scorer_service_pb2.ScoreOutputsRequest) -> Iterator[Pair]:
    """The pairs to score, made one by one as they are wanted.

    Raises:
        InvalidArgument: while they are made: a reference contradicts itself, so no output could be right.
    """
    for index, pair in enumerate(request.pairs):
        yield Pair(content_from_proto(pair.output), _reference(pair, f"pairs[{index}]"))


def options_from_proto(request: scorer_service_pb2.ScoreOutputsRequest) -> Options:
    """What the request chose."""
    chosen = request.bert_score
    return Options(idf=chosen.idf, rescale_with_baseline=chosen.rescale_with_baseline)


def _reference(pair: scorer_service_pb2.ScorePair, field: str) -> Content | PlanReference:
    if pair.WhichOneof("reference") == "content":
        return content_from_proto(pair.content)
    reference = plan_reference_from_proto(pair.plan)
    _check(reference, f"{field}.plan")
    return reference


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


def scores_to_proto(scores: Mapping[str, Column]) -> scorer_service_pb2.ScoreOutputsResponse:
    """Scores by metric, as a message."""
    return scorer_service_pb2.ScoreOutputsResponse(
        scores=[
            scorer_service_pb2.MetricScores(
                metric=metric,
                values=column.values,
                components=[
                    scorer_service_pb2.ScoreComponent(name=name, values=values)
                    for name, values in column.components.items()
                ],
            )
            for metric, column in scores.items()
        ]
    )


def metric_to_proto(metric: Metric) -> scorer_service_pb2.Metric:
    """A metric and how it stands, as a message."""
    description, status = metric.description, metric.status()
    return scorer_service_pb2.Metric(
        name=description.name,
        description=description.summary,
        comparisons=[
            scorer_service_pb2.Metric.Comparison(
                output=content_type_to_proto(comparison.output),
                reference=_REFERENCE_TYPES[comparison.reference],
            )
            for comparison in description.comparisons
        ],
        minimum=description.minimum,
        maximum=description.maximum,
        components=description.components,
        model=description.model,
        model_digest=status.model_digest,
        available=not status.unavailable,
        unavailable_reason=status.unavailable,
    )

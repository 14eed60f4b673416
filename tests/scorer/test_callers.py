"""Whom the scorer takes for a caller: a connection, and whom it names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc
import pytest

from autoflow.client import Client, ClientSettings
from autoflow.suites import ContentType
from autoflow.testing import serving
from autoflow.v1 import scorer_service_pb2 as pb
from autoflow.v1.scorer_service_pb2_grpc import ScorerServiceStub
from autoflow.v1.task_pb2 import Content
from autoflow_scorer.batching import Caller
from autoflow_scorer.metrics import (
    Column,
    Comparison,
    MetricDescription,
    Options,
    Pair,
    ReferenceType,
    Status,
)
from autoflow_scorer.service import wire

REQUEST = pb.ScoreOutputsRequest(
    pairs=[pb.ScorePair(output=Content(text="a"), content=Content(text="a"))], metrics=["seen"]
)


class Seen:
    """A metric that notes who asked."""

    description = MetricDescription(
        "seen", "Made for a test.", (Comparison(ContentType.TEXT, ReferenceType.TEXT),)
    )

    def __init__(self) -> None:
        self.callers: list[Caller] = []

    def status(self) -> Status:
        return Status()

    async def score(self, pairs: Sequence[Pair], options: Options, caller: Caller) -> Column:
        self.callers.append(caller)
        return Column([0.0] * len(pairs))


@asynccontextmanager
async def seeing(seen: Seen) -> AsyncIterator[str]:
    async with serving(wire([seen])) as address:
        yield address


async def test_a_client_names_whom_it_calls_for() -> None:
    seen = Seen()
    async with seeing(seen) as address:
        for name in ("alice", "bob", ""):
            async with Client(scorer=address, settings=ClientSettings(caller=name)) as client:
                await client.scorer.score_outputs(REQUEST)

    assert [caller.name for caller in seen.callers] == ["alice", "bob", ""]


@pytest.mark.parametrize(
    ("name", "taken"), [("alice", "alice"), ("a b/c@d", "a b/c@d"), ("a" * 64, "a" * 64), ("a" * 65, "")]
)
async def test_a_proxy_names_those_whom_it_speaks_for_and_what_is_no_name_is_the_proxy(
    name: str, taken: str
) -> None:
    seen = Seen()
    async with seeing(seen) as address, grpc.aio.insecure_channel(address) as channel:
        stub = ScorerServiceStub(channel)
        await stub.ScoreOutputs(REQUEST)
        await stub.ScoreOutputs(REQUEST, metadata=[("autoflow-caller", name)])

    proxy, named = seen.callers
    assert proxy.name == ""
    assert named == Caller(proxy.peer, taken)


@pytest.mark.parametrize("name", ["a" * 65, "é", "a\n"])
def test_a_name_that_could_not_be_sent_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="at most 64 printable"):
        ClientSettings(caller=name)

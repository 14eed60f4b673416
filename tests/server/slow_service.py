"""A process with one service, whose calls end a moment after SIGTERM; started by test_drain."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from autoflow.server import Service, main
from autoflow.testing import scripted_scorer
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScoreOutputsResponse


async def score(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
    print("entered", flush=True)
    await asyncio.sleep(0.5)
    return ScoreOutputsResponse()


def build(_: Mapping[str, str]) -> Service:
    return Service("scorer", (scripted_scorer(score),))


if __name__ == "__main__":
    main(build)

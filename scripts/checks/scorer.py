"""Each of the shipped models compares a scene with its own caption, text or picture, over a real channel."""

from __future__ import annotations

import asyncio
import io

from autoflow.client import Client
from autoflow.server import serve
from autoflow.suites import scenes
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScorePair
from autoflow.v1.task_pb2 import Content
from autoflow_scorer import build


async def _main() -> None:
    scene = scenes.scene(7)
    file = io.BytesIO()
    scenes.draw(scene).save(file, "PNG")
    text, image = Content(text=scenes.caption(scene)), Content(image=file.getvalue())
    pairs = {"bertscore": (text, text), "clip": (image, text), "vit": (image, image)}
    async with await serve(build({})) as running, Client(scorer=running.address) as client:
        for metric, (output, reference) in pairs.items():
            pair = ScorePair(output=output, content=reference)
            request = ScoreOutputsRequest(pairs=[pair], metrics=[metric])
            scored = await client.scorer.score_outputs(request, timeout=60)
            assert scored.scores[0].values[0] > 0.1, scored


if __name__ == "__main__":
    asyncio.run(_main())

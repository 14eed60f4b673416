"""A worker process that learns nothing: it commits four iterations and finishes.

Its folder, in STANDIN_FOLDER, is how a test looks on and steers: `pids` gets its process id, `starts` the
iteration that it begins with, one line each; while there is a file `hold-<i>`, it waits before iteration i
and sends heartbeats, or none where there is a file `silent`, too; where there is a file `stubborn`, it
ignores cancellations.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from autoflow.client.worker import RunWorkerClient
from tests.trainer.hold import Hold

ITERATIONS = 4


async def work(run: str, folder: Path) -> None:
    async with RunWorkerClient(
        os.environ["AUTOFLOW_TRAINER_ADDRESS"], os.environ["AUTOFLOW_RUN_TOKEN"]
    ) as client:
        hold = Hold(client, run)
        response = await hold.lease()
        start = len(response.run.iterations)
        _note(folder / "pids", os.getpid())
        _note(folder / "starts", start)
        for index in range(start, ITERATIONS):
            while (folder / f"hold-{index}").exists():
                cancel = not (folder / "silent").exists() and await hold.heartbeat()
                if cancel and not (folder / "stubborn").exists():
                    await hold.finish_cancelled()
                    return
                await asyncio.sleep(0.02)
            await hold.commit(index)
        await hold.open_test()
        await hold.succeed()


def _note(path: Path, value: int) -> None:
    with path.open("a") as file:
        print(value, file=file, flush=True)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], Path(os.environ["STANDIN_FOLDER"])))

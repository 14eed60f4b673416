"""A worker's process: `python -m autoflow_worker runs/<id>`, the rest by the environment (`WorkerSettings`).

Exit status: 0 where the run was ended by this worker, however it ended; 2 where command or environment are
wrong; 3 where the lease was lost; 1 where the trainer or another service could not serve for longer than
calls are repeated. SIGTERM ends the process at once. Then, and with any status but 0, the run is not over:
whatever is committed is safe, and another worker goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from autoflow.errors import Unavailable
from autoflow.llm.catalogue import default_catalogue
from autoflow.server import logs
from autoflow.settings import from_env
from autoflow.telemetry.setup import switched_on
from autoflow_worker.assembly import load_lora_policy, work_on
from autoflow_worker.lease import LeaseLost
from autoflow_worker.settings import WorkerSettings

_log = logging.getLogger("autoflow_worker")


def main(arguments: list[str], env: Mapping[str, str]) -> int:
    """Does one run.

    Args:
        arguments: of the command: the run's name alone.
        env: the environment that settings are read from.

    Returns:
        The exit status.
    """
    if len(arguments) != 1 or not re.fullmatch(r"runs/[a-z0-9-]{1,64}", arguments[0]):
        print("usage: python -m autoflow_worker runs/<id>", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        try:
            settings = from_env(WorkerSettings, env)
            logs.configure(settings.log_level, sys.stderr)
            # Workers come and go, and share the trainer's variables: its port of metrics is not theirs.
            stack.enter_context(switched_on(env, "worker", metrics=False))
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        try:
            asyncio.run(_work(arguments[0], settings, env))
        except Unavailable as error:
            _log.error("gave up for now: %s", error)
            return 1
    return 0


async def _work(run: str, settings: WorkerSettings, env: Mapping[str, str]) -> None:
    def weights(model: str) -> Path | None:
        return default_catalogue(env).weights(model)

    try:
        await work_on(run, settings, partial(load_lora_policy, settings=settings, weights=weights))
    except LeaseLost as error:
        _log.warning("the lease is lost: %s", error)
        logging.shutdown()
        # Leaving in order would wait for the thread that may be learning; nobody wants its result any more.
        os._exit(3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

"""Composes the demo: folder, run, progress, results."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from autoflow.cli.console import Output, one_line, printable
from autoflow.cli.demo.folder import DemoFolder
from autoflow.cli.demo.report import report
from autoflow.cli.demo.system import optimise, workers_logs
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.options import MODEL, SUITE
from autoflow.cli.results.convert import summary_from_run
from autoflow.cli.results.summary import BASELINE, EXPERT, Summary
from autoflow.cli.runs.follow import Update
from autoflow.cli.runs.progress import view
from autoflow.cli.runs.request import RunRequest, to_proto
from autoflow.cli.runs.states import state_word
from autoflow.cli.runtime import log_to, own_environment, run
from autoflow.cli.sole_use import sole_use
from autoflow.methods import Method, Reward
from autoflow.suites import workflow_text
from autoflow.v1 import run_pb2


def run_demo(root: Path, wanted: RunRequest, seconds: float, output: Output) -> None:
    """Runs the demo.

    Args:
        root: the folder for everything that it leaves.
        wanted: the run.
        seconds: limit on the run's time.
        output: where to print.

    Raises:
        CommandFailed: the run did not succeed, or another command works in the folder.
        OSError: the folder cannot be written.
    """
    started = time.monotonic()
    folder = DemoFolder(root)
    with sole_use(folder.data, "--out"):
        folder.prepare()
        log_to(folder.services_log, "INFO")
        environment = own_environment(folder.data, os.environ)
        last = run(_optimise(to_proto(wanted), environment, folder, seconds, output))
    if last.state != run_pb2.RUN_STATE_SUCCEEDED:
        log = folder.worker_log if folder.worker_log.exists() else folder.services_log
        reason = one_line(last.error.message) or state_word(last)
        raise CommandFailed(f"the run did not succeed: {reason} (log: {log})", ExitCode.NOT_OK)
    summary = summary_from_run(last, time.monotonic() - started)
    folder.save_results(summary)
    _draw(summary, folder.chart)
    _print(summary, folder, output)


def demo_request(
    method: Method, seed: int, iterations: int, candidates: int, reward: Reward = Reward.EXECUTED
) -> RunRequest:
    """The demo's run: the built-in suite, the embedded model in both roles, both given workflows."""
    return RunRequest(
        suite=SUITE,
        generator=MODEL,
        interpreter=MODEL,
        method=method,
        seed=seed,
        iterations=iterations,
        candidates=candidates,
        reward=reward,
        # The improvement is over the first.
        comparators={name: workflow_text(name) for name in (BASELINE, EXPERT)},
    )


async def _optimise(
    wanted: run_pb2.Run, env: Mapping[str, str], folder: DemoFolder, seconds: float, output: Output
) -> run_pb2.Run:
    last = wanted
    output.note(f"Starting generator, interpreter, scorer and trainer; their log is {folder.services_log}")
    try:
        with view(output.err) as progress:

            def on_update(update: Update) -> None:
                nonlocal last
                last = update.run
                progress.show(update)

            return await optimise(wanted, env, seconds, on_update)
    finally:
        # A run that was interrupted is worth keeping, too.
        if last.name:
            folder.save_run(last, workers_logs(folder.data))


def _draw(summary: Summary, path: Path) -> None:
    # Here, and not before: matplotlib takes a second to load.
    from autoflow.cli.results.chart import draw

    draw(summary, path)


def _print(summary: Summary, folder: DemoFolder, output: Output) -> None:
    if output.json:
        output.document(summary.to_json())
        return
    # As it is saved, in lines as long as they are, so that it can be copied.
    for line in printable(summary.winner).splitlines():
        output.line(line)
    output.line("")
    output.result(report(summary, output.out.width))
    output.line("")
    output.line(f"Saved in {one_line(str(folder.root))}: {', '.join(path.name for path in folder.results)}")

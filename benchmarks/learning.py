"""How well runs learn: `python benchmarks/learning.py --methods raft rloo --seeds 0 1 2 3 4`.

Starts the real services in this process, each run's worker in a process of its own, and does one run after
the other. Prints one JSON object a line and run: what was asked for, the policy's mean before and after, the
best, the control, the comparators, and the curve. Nothing is averaged and nothing is left out: a run that
failed is a line, too. Settings that a request cannot carry are the methods' own (`autoflow_worker.methods`).

To choose among settings, use `--no-test`: then nothing but the winner is measured on the test split, and the
curve's last iterations, on training tasks, say how well the policy learned. The full table is for what was
chosen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from itertools import product
from pathlib import Path
from typing import Any

from autoflow.client import Client, RpcError
from autoflow.convert import method_to_proto
from autoflow.methods import Method
from autoflow.server.compose import local_environment, serve_all
from autoflow.suites import workflow_text
from autoflow.v1 import run_pb2, trainer_service_pb2, workflow_pb2

_RUN_SECONDS = 3600.0
"""The most that one run may take."""
_TRAINING = [method for method in Method if method.trains]
_LAST = 5
"""Iterations at the end of the curve that are averaged into `last_reward_mean`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Does the runs that the command asks for."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(_bench(options, options.home or Path(scratch)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=_TRAINING, default=[Method.RAFT])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--model", default="embedded", help="generator and interpreter")
    parser.add_argument("--iterations", type=int, default=0, help="0: the method's own, as below")
    parser.add_argument("--candidates", type=int, default=0)
    parser.add_argument("--tasks", type=int, default=0)
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--alpha", type=float, default=0)
    parser.add_argument("--learning-rate", type=float, default=0)
    parser.add_argument("--kl-weight", type=float, help="default: the method's own; 0 is a choice")
    parser.add_argument("--no-test", action="store_true", help="measure nothing but the winner")
    parser.add_argument("--home", type=Path, help="where runs and logs are kept; default: nowhere")
    return parser


async def _bench(options: argparse.Namespace, home: Path) -> None:
    async with (
        await serve_all(local_environment(home, os.environ)) as system,
        _client(system.addresses) as client,
    ):
        for method, seed in product(options.methods, options.seeds):
            wanted = _wanted(options, method, seed)
            try:
                run = await _finished(client, wanted)
            except RpcError as error:
                print(json.dumps({"method": method, "seed": seed, "error": str(error)}), flush=True)
            else:
                print(json.dumps(_line(method, run)), flush=True)


def _client(addresses: Mapping[str, str]) -> Client:
    return Client(trainer=addresses["trainer"])


def _wanted(options: argparse.Namespace, method: str, seed: int) -> run_pb2.Run:
    run = run_pb2.Run()
    wanted = run.optimization
    wanted.suite = "planning"
    wanted.generator.model = wanted.interpreter.model = options.model
    wanted.method, wanted.seed = method_to_proto(Method(method)), seed
    wanted.iterations, wanted.candidates, wanted.tasks = options.iterations, options.candidates, options.tasks
    wanted.lora.rank, wanted.lora.alpha = options.rank, options.alpha
    wanted.lora.learning_rate = options.learning_rate
    if options.kl_weight is not None:
        wanted.lora.kl_weight = options.kl_weight
    if not options.no_test:
        wanted.test.control_samples, wanted.test.policy_samples = 64, 48
        for name in ("baseline", "expert"):
            workflow = workflow_pb2.Workflow(source=workflow_text(name))
            wanted.test.comparators.add(name=name, workflow=workflow)
    return run


async def _finished(client: Client, wanted: run_pb2.Run) -> run_pb2.Run:
    created = await client.trainer.create_run(trainer_service_pb2.CreateRunRequest(run=wanted))
    name = created.run.name
    watch = trainer_service_pb2.WatchRunRequest(name=name)
    async with aclosing(client.trainer.watch_run(watch, timeout=_RUN_SECONDS)) as changes:
        async for change in changes:
            _show(change.run)
    return (await client.trainer.get_run(trainer_service_pb2.GetRunRequest(name=name))).run


def _show(run: run_pb2.Run) -> None:
    for iteration in run.iterations:
        print(
            f"{run.name} {iteration.index:3d}: mean {iteration.reward_mean:.2f}, "
            f"max {iteration.reward_max:.2f}, valid {iteration.valid_rate:.2f}, "
            f"kl {iteration.kl:.3f}, {iteration.seconds:.1f} s",
            file=sys.stderr,
        )


def _line(method: str, run: run_pb2.Run) -> dict[str, Any]:
    lora = run.optimization.lora
    line: dict[str, Any] = {
        "method": method,
        "seed": run.optimization.seed,
        "asked": {
            "iterations": run.optimization.iterations,
            "candidates": run.optimization.candidates,
            "tasks": run.optimization.tasks,
            "learning_rate": lora.learning_rate,
            "kl_weight": lora.kl_weight if lora.HasField("kl_weight") else None,
            "rank": lora.rank,
        },
        "state": run_pb2.RunState.Name(run.state),
        "seconds": round(run.ledger.wall_time.ToTimedelta().total_seconds(), 1),
        "executions": run.ledger.executions,
        "cache_hits": run.ledger.cache_hits,
        "missing": run.ledger.missing,
        "reward_mean": [round(iteration.reward_mean, 3) for iteration in run.iterations],
        "kl": [round(iteration.kl, 4) for iteration in run.iterations],
        "skipped": sum(iteration.update_skipped for iteration in run.iterations),
        "learning_seconds": round(sum(iteration.seconds for iteration in run.iterations), 1),
        "last_reward_mean": _mean([iteration.reward_mean for iteration in run.iterations[-_LAST:]]),
    }
    if run.state != run_pb2.RUN_STATE_SUCCEEDED:
        return {**line, "error": run.error.message}
    return {**line, **_measured(run.optimization_result)}


def _measured(result: run_pb2.OptimizationResult) -> dict[str, Any]:
    before, after = result.policy.before, result.policy.after
    reach = result.ceiling - before.mean
    policy = {
        "before": _estimate(before),
        "after": _estimate(after),
        "way_to_ceiling": round((after.mean - before.mean) / reach, 3) if reach else 0.0,
        "valid_workflow_rate": round(result.policy.valid_workflow_rate, 3),
        "truncated": result.policy.truncated,
    }
    return {
        "policy": policy if result.HasField("policy") else None,
        "ceiling": result.ceiling,
        "test": {report.name: _estimate(report.reward) for report in result.reports},
        "winner_validation_mean": round(result.winner_validation_mean, 3),
        "improvement": _estimate(result.improvement.absolute) if result.HasField("improvement") else None,
        "winner": result.winner.source,
    }


def _estimate(estimate: run_pb2.Estimate) -> list[float]:
    return [round(value, 3) for value in (estimate.mean, estimate.ci95_low, estimate.ci95_high)]


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None


if __name__ == "__main__":
    main()

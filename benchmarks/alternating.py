"""Compares two ways to do the same work in one process: alternating rounds, CPU time and wall time.

The ratio that is told is that of CPU times, of all threads: unlike wall times it means something on a machine
with other work. The ratio of wall times stands in the conditions.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.report import Measurement


@dataclass(frozen=True, slots=True)
class Spent:
    """What one round took, in seconds."""

    cpu: float
    wall: float


def spent(work: Callable[[], object]) -> Spent:
    """Does the work once."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)


def compare(
    name: str,
    what: str,
    units: int,
    baseline: Callable[[], object],
    ours: Callable[[], object],
    *,
    rounds: int,
    conditions: str,
) -> None:
    """Measures and tells; both ways are done once beforehand, unmeasured.

    Args:
        name: of the measurement.
        what: the units, such as `pairs`.
        units: how many of them a round does.
        baseline: a round of the baseline.
        ours: a round of ours.
        rounds: of each.
        conditions: what the baseline is and what is done.
    """
    baseline()
    ours()
    pairs = [(spent(baseline), spent(ours)) for _ in range(rounds)]
    wall = statistics.median(theirs.wall / own.wall for theirs, own in pairs)
    Measurement(
        name,
        f"{what} a CPU second",
        baseline=statistics.median(units / theirs.cpu for theirs, _ in pairs),
        ours=statistics.median(units / own.cpu for _, own in pairs),
        ratio=statistics.median(theirs.cpu / own.cpu for theirs, own in pairs),
        better="higher",
        conditions=f"{conditions}; {rounds} rounds, {torch.get_num_threads()} threads of {os.cpu_count()} "
        f"cores, load {os.getloadavg()[0]:.1f}; by wall time {wall:.2f}x",
    ).tell()

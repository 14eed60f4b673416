"""How far executed rewards tell right plans from wrong ones, on the built-in suite.

    python -m benchmarks.plan_rewards --tasks 40

Each task's reference plan, every plan that is wrong by one step, and some plans by chance are executed by
the experts and the interpreter and scored by the scorer, real services in this process, as a run that learns
from executed rewards does it (`autoflow_worker.executed`). One task stands for its combination: its wordings
share their samples.

Prints one JSON object a line: each plan that ties with the reference or is above it; the reference of each
task; then the shares of corruptions that are below the reference, over all and by kind of change, wanted
output and faults, counted of all corruptions and of those whose types fit; what each tool
took; the mean rewards of references and of right plans that mend in the other order; and the mean rewards of
references and of plans by chance whose types fit. Progress goes to standard error.

The experts remember what they made, so plans of a task with equal beginnings cost that once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from statistics import fmean

import autoflow_interpreter
import autoflow_scorer
from autoflow.client import Client, ClientSettings
from autoflow.images import ImageLimits
from autoflow.suites import ContentType, Split, Task, TaskSuite, load_suite
from autoflow.suites.model import stratified
from autoflow.suites.planning import Combination, all_combinations
from autoflow.testing import catalogue_of, serving
from autoflow_experts.classic import classic_experts
from autoflow_experts.classic.seeing.eye import Eye
from autoflow_experts.experts import Inputs, Result, Weightless
from autoflow_experts.service import wire
from autoflow_experts.settings import ExpertsSettings
from autoflow_worker.executed import ExecutedScorer
from autoflow_worker.plan_calls import PlanCalls
from benchmarks.plan_corruptions import Change, Corruption, Plan, corruptions, random_plans

TIE = 1e-5
"""Rewards that differ by less are equal: scores depend on their batch by some 1e-7."""
_CALLS = 512
_SECONDS = 600.0


@dataclass(slots=True)
class Clock:
    """What tools took of CPU time."""

    milliseconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def timed(self, expert: Weightless) -> Weightless:
        """An expert whose work is timed."""

        def apply(samples: Sequence[Inputs]) -> Iterator[Result]:
            for sample in samples:
                started = time.thread_time()
                yield from expert.apply([sample])
                self.milliseconds[expert.tool.name].append(1000 * (time.thread_time() - started))

        return replace(expert, apply=apply)


@asynccontextmanager
async def scoring(suite: TaskSuite, samples: int, clock: Clock) -> AsyncIterator[ExecutedScorer]:
    """A scorer of executed plans over real services."""
    experts = map(clock.timed, classic_experts(ImageLimits(), Eye()))
    settings = ExpertsSettings(experts_max_calls=_CALLS)
    async with AsyncExitStack() as stack:
        tools = await stack.enter_async_context(serving(wire(experts, settings)))
        interpreter = autoflow_interpreter.build({"AUTOFLOW_TOOL_PROVIDERS": tools}, catalogue_of())
        client = await stack.enter_async_context(
            Client(
                interpreter=await stack.enter_async_context(serving(interpreter)),
                scorer=await stack.enter_async_context(serving(autoflow_scorer.build({}))),
                settings=ClientSettings(unary_timeout=_SECONDS),
            )
        )
        yield ExecutedScorer(
            PlanCalls(client.interpreter, client.scorer), suite, samples=samples, concurrency=4
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """A corruption of a task's reference, and what both earned."""

    combination: Combination
    corruption: Corruption
    reference: float
    reward: float

    @property
    def verdict(self) -> str:
        """Where the reference stands."""
        if abs(self.reference - self.reward) < TIE:
            return "tied"
        return "above" if self.reference > self.reward else "below"


@dataclass(slots=True)
class Findings:
    """What was measured so far."""

    pairs: list[Pair] = field(default_factory=list)
    references: list[float] = field(default_factory=list)
    chance: list[float] = field(default_factory=list)
    orders: list[tuple[float, float]] = field(default_factory=list)
    """The references of tasks with several right plans, and what another right plan earned."""


async def measure(
    scorer: ExecutedScorer,
    task: Task,
    chosen: Sequence[Corruption],
    by_chance: Sequence[Plan],
    into: Findings,
) -> None:
    """Executes and scores a task's plans, and tells those that the reference does not beat."""
    fit = [corruption for corruption in chosen if corruption.fits]
    # The last order of repairs is the reference's turned around.
    plans = [task.accepted[0], task.accepted[-1], *(corruption.plan for corruption in fit), *by_chance]
    rewards = [score.reward for score in await scorer.score([(", ".join(plan), task) for plan in plans])]
    reference, combination = rewards[0], _combination(task)
    earned = dict(zip(plans, rewards, strict=True))
    # A plan whose types do not fit is refused and earns nothing; it need not be sent to know that.
    pairs = [Pair(combination, one, reference, earned.get(one.plan, 0.0)) for one in chosen]
    into.pairs += pairs
    into.references.append(reference)
    into.orders += [(reference, rewards[1])] if len(task.accepted) > 1 else []
    into.chance += [earned[plan] for plan in by_chance]
    _tell(task=task.id, plan=", ".join(task.accepted[0]), reward=reference)
    for pair in sorted(pairs, key=lambda one: one.reference - one.reward):
        if pair.verdict != "above":
            _tell(
                task=task.id,
                verdict=pair.verdict,
                change=pair.corruption.change,
                plan=", ".join(pair.corruption.plan),
                reference=reference,
                reward=pair.reward,
            )


def summarise(found: Findings, clock: Clock) -> None:
    """Tells the shares and the means."""
    groupings: dict[str, Callable[[Pair], str]] = {
        "all": lambda _: "all",
        "change": lambda pair: pair.corruption.change,
        "wanted": lambda pair: f"{pair.combination.source} -> {pair.combination.wanted}",
        "faults": lambda pair: ", ".join(pair.combination.faults) or "none",
    }
    for name, group in groupings.items():
        members: defaultdict[str, list[Pair]] = defaultdict(list)
        for pair in found.pairs:
            members[group(pair)].append(pair)
        for key, pairs in members.items():
            fitting = [pair for pair in pairs if pair.corruption.fits]
            _tell(by=name, group=key, fitting=_shares(fitting), all=_shares(pairs))
    for tool, taken in sorted(clock.milliseconds.items()):
        _tell(tool=tool, calls=len(taken), milliseconds=fmean(taken))
    reference, chance = fmean(found.references), fmean(found.chance)
    if found.orders:
        of_them, turned = map(fmean, zip(*found.orders, strict=True))
        _tell(tasks=len(found.orders), reference=of_them, other_order=turned, ratio=turned / of_them)
    _tell(tasks=len(found.references), reference=reference, chance=chance, ratio=chance / reference)


def _shares(pairs: Sequence[Pair]) -> dict[str, float]:
    verdicts = [pair.verdict for pair in pairs]
    counts = {verdict: verdicts.count(verdict) for verdict in ("above", "tied", "below")}
    return {"pairs": len(pairs), **counts, "share": counts["above"] / max(1, len(pairs))}


def _tell(**told: object) -> None:
    print(json.dumps({key: _rounded(value) for key, value in told.items()}), flush=True)


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def _combination(task: Task) -> Combination:
    return next(one for one in all_combinations() if one.id == task.id.rpartition("/")[0])


def chosen_tasks(
    suite: TaskSuite, splits: Sequence[Split], only: str, count: int, seed: int
) -> Sequence[Task]:
    """One task of each combination, as the options want them."""

    def wanted(task: Task) -> bool:
        if only in list(ContentType):
            return task.inputs[0] == only
        return task.id.startswith(only)

    first = [
        task for split in splits for task in suite.tasks(split) if task.id.endswith("/1") and wanted(task)
    ]
    return stratified(first, count, seed)


def one_of_each(found: Sequence[Corruption], rng: random.Random) -> list[Corruption]:
    """Of each kind of change one whose types fit, where there is one, else any."""
    groups = [[one for one in found if one.change is change] for change in Change]
    fitting = [[one for one in group if one.fits] or group for group in groups]
    return [rng.choice(group) for group in fitting if group]


async def main() -> None:
    """Measures what the options want."""
    options = _options()
    suite = load_suite("planning")
    splits = list(Split) if options.split == "all" else [Split(options.split)]
    tasks = chosen_tasks(suite, splits, options.only, options.tasks, options.seed)
    if not tasks:
        sys.exit(f"no task of {options.split} is of {options.only!r}")
    found, clock, started = Findings(), Clock(), time.monotonic()
    async with scoring(suite, options.samples, clock) as scorer:
        for number, task in enumerate(tasks, start=1):
            rng = random.Random(f"{options.seed} {task.id}")
            wrong = corruptions(task, suite.tools)
            if options.corruptions == "one":
                wrong = one_of_each(wrong, rng)
            by_chance = random_plans(task, suite.tools, options.chance, rng)
            await measure(scorer, task, wrong, by_chance, found)
            print(f"{number}/{len(tasks)} {time.monotonic() - started:.0f} s {task.id}", file=sys.stderr)
    summarise(found, clock)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures how far executed rewards tell plans apart.")
    parser.add_argument("--split", default="all", choices=["all", *Split])
    parser.add_argument("--tasks", type=int, default=1000, help="drawn from all strata; all by default")
    parser.add_argument("--samples", type=int, default=4, help="of each task")
    parser.add_argument("--only", default="", help="image, text, or how the tasks' ids begin")
    parser.add_argument("--corruptions", default="all", choices=["all", "one"], help="one: of each kind")
    parser.add_argument("--chance", type=int, default=4, help="plans by chance for each task")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())

"""The loop: what it draws, measures, learns and commits, and that it goes on where it stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from autoflow.errors import FailedPrecondition
from autoflow.store.artifacts import ArtifactStore
from autoflow.testing.random_model import write_random_model
from autoflow_worker.checkpoint import Checkpoints, State
from autoflow_worker.ledger import Budget, BudgetSpent
from autoflow_worker.loop import Loop
from autoflow_worker.methods import METHODS, LoraSettings
from autoflow_worker.policy.model import LoraPolicy, load_base
from autoflow_worker.ports import CallFailed, Generation, Policy, Prompt
from autoflow_worker.spec import RunSpec
from tests.worker.doubles import (
    COST,
    DRAWING,
    CountingPolicy,
    Killed,
    Notebook,
    ScriptedInterpreter,
    context,
    run_spec,
)
from tests.worker.scripted_generator import ScriptedGenerator

PLANS = ("Alpha, Beta", "Alpha, Gamma", "Gamma", "Alpha, Gamma, Beta", "no plan", None)


def any_plan(seed: int, adapter: str) -> str | None:
    """A plan that depends on seed and adapter, as a sample would."""
    digest = hashlib.sha256(f"{seed} {adapter}".encode()).digest()
    return PLANS[digest[0] % len(PLANS)]


class Run:
    """One worker's learning, over doubles."""

    def __init__(
        self,
        spec: RunSpec,
        folder: Path,
        *,
        write: Callable[[int, str], str | None] = any_plan,
        generator: ScriptedGenerator | None = None,
        interpreter: ScriptedInterpreter | None = None,
        policy: Policy | None = None,
        journal: Notebook | None = None,
        reserve: int = 0,
    ) -> None:
        self.generator = generator or ScriptedGenerator(write)
        self.interpreter = interpreter or ScriptedInterpreter()
        self.journal = journal or Notebook()
        self.policy = policy or CountingPolicy()
        self.checkpoints = Checkpoints(ArtifactStore(str(folder)))
        self.context = context(spec, self.generator, self.interpreter, self.journal)
        self.method = METHODS[spec.method]()
        self.reserve = reserve

    async def go(self, checkpoint: str = "") -> State:
        """Learns, from a checkpoint or from the start."""
        state = State()
        if checkpoint:
            state = self.checkpoints.restore(checkpoint, self.policy)
            self.method.load(state.method)
            self.context.evaluator.cache.load(state.cache)
        loop = Loop(self.context, self.method, self.policy, self.checkpoints, state, reserve=self.reserve)
        return await loop.run()


async def test_each_iteration_draws_with_the_adapter_of_the_one_before(tmp_path: Path) -> None:
    run = Run(run_spec(iterations=3), tmp_path)
    state = await run.go()
    adapters = [report.adapter for report in run.journal.reports]
    assert [adapter for _, _, adapter in run.generator.requests] == ["", *adapters[:2]]
    assert len({seed for _, seed, _ in run.generator.requests}) == 3
    assert state.iteration == 3
    assert state.adapter == adapters[2]
    assert [report.index for report in run.journal.reports] == [0, 1, 2]


async def test_all_candidates_are_measured_on_the_same_tasks_which_change(tmp_path: Path) -> None:
    drawn = iter(range(100))
    run = Run(run_spec(iterations=2), tmp_path, write=lambda seed, adapter: f"Plan {next(drawn)}")
    await run.go()
    tasks: dict[str, set[str]] = {}
    for text, task in run.interpreter.calls:
        tasks.setdefault(text, set()).add(task)
    first, second = list(tasks.values())[:4], list(tasks.values())[4:]
    assert first == [first[0]] * 4
    assert second == [second[0]] * 4
    assert len(first[0]) == 3
    assert first[0] != second[0]


async def test_the_report_says_what_happened(tmp_path: Path) -> None:
    plans = iter(["Alpha, Beta", None, "Alpha, Gamma", "no plan"])
    run = Run(run_spec(iterations=1), tmp_path, write=lambda seed, adapter: next(plans))
    await run.go()
    (report,) = run.journal.reports
    assert report.reward_mean == pytest.approx((1 + 0 + 0.5 + 0) / 4)
    assert report.reward_max == 1.0
    assert report.valid_rate == 0.75
    assert report.truncated == 1
    assert report.kl == 0.25
    assert not report.update_skipped
    assert report.ledger.executions == 9
    assert report.ledger.usage.calls == 9 * COST.calls + 4 * DRAWING.calls
    assert [candidate.fate for candidate in report.candidates] == ["measured", "invalid", *["measured"] * 2]
    assert [candidate.reward for candidate in report.candidates] == [1.0, None, 0.5, 0.0]
    assert [candidate.tasks for candidate in report.candidates] == [3, 0, 3, 3]
    assert report.candidates[1].reason == "the step has no type"
    # RLOO: advantages 4/3 of the distance from the mean, over 4 samples.
    assert isinstance(run.policy, CountingPolicy)
    ((batch,),) = run.policy.updates
    assert [sample.weight for sample in batch] == pytest.approx(
        [(reward - 0.375) / 3 for reward in (1, 0, 0.5, 0)]
    )


async def test_where_all_did_equally_well_the_weights_are_left_alone(tmp_path: Path) -> None:
    run = Run(run_spec(iterations=2), tmp_path, write=lambda seed, adapter: "Alpha, Beta")
    await run.go()
    assert [report.update_skipped for report in run.journal.reports] == [True, True]
    assert isinstance(run.policy, CountingPolicy)
    assert run.policy.updates == []
    assert len({report.adapter for report in run.journal.reports}) == 1


async def test_a_candidate_that_could_not_be_measured_teaches_nothing(tmp_path: Path) -> None:
    plans = iter(["Alpha, Beta", "Alpha, Gamma", "Gamma, Delta"])
    interpreter = ScriptedInterpreter(
        failures=lambda workflow, task: 99 if workflow.text.endswith("Alpha, Beta") else 0
    )
    run = Run(
        run_spec(iterations=1, candidates=3),
        tmp_path,
        write=lambda seed, adapter: next(plans),
        interpreter=interpreter,
    )
    await run.go()
    assert isinstance(run.policy, CountingPolicy)
    ((batch,),) = run.policy.updates
    assert [bytes(sample.token_ids).decode() for sample in batch] == ["Alpha, Gamma", "Gamma, Delta"]
    (report,) = run.journal.reports
    assert (report.reward_mean, report.reward_max) == (0.25, 0.5)
    assert report.ledger.missing == 3


async def test_an_iteration_of_which_nothing_could_be_measured_is_not_committed(tmp_path: Path) -> None:
    interpreter = ScriptedInterpreter(failures=lambda workflow, task: 99)
    run = Run(run_spec(), tmp_path, write=lambda seed, adapter: "Alpha, Beta", interpreter=interpreter)
    with pytest.raises(CallFailed, match="not one candidate"):
        await run.go()
    assert run.journal.reports == []


async def test_a_budget_ends_the_learning_after_a_whole_iteration(tmp_path: Path) -> None:
    drawn = iter(range(100))
    run = Run(
        run_spec(iterations=10, budget=Budget(max_executions=40)),
        tmp_path,
        write=lambda seed, adapter: f"Plan {next(drawn)}",
        reserve=10,
    )
    state = await run.go()
    # Twelve executions an iteration; ten are kept for the end.
    assert state.iteration == len(run.journal.reports) == 2
    assert run.context.meter.ledger.executions == 24


@pytest.mark.parametrize("budget", [Budget(max_executions=21), Budget(max_tokens=100)])
async def test_a_budget_that_is_too_small_for_one_iteration_ends_the_run(
    budget: Budget, tmp_path: Path
) -> None:
    drawn = iter(range(100))
    run = Run(
        run_spec(budget=budget), tmp_path, write=lambda seed, adapter: f"Plan {next(drawn)}", reserve=10
    )
    with pytest.raises(BudgetSpent):
        await run.go()
    assert run.journal.reports == []


class SilentGenerator(ScriptedGenerator):
    """A generator whose model keeps its token ids to itself."""

    async def draw(self, count: int, *, seed: int, adapter: str) -> Generation:
        """Draws without ids."""
        drawn = await super().draw(count, seed=seed, adapter=adapter)
        return replace(drawn, candidates=tuple(replace(each, token_ids=()) for each in drawn.candidates))


class FickleGenerator(ScriptedGenerator):
    """A generator whose prompt is another one each time."""

    async def draw(self, count: int, *, seed: int, adapter: str) -> Generation:
        """Draws from a new prompt."""
        drawn = await super().draw(count, seed=seed, adapter=adapter)
        return replace(drawn, prompt=Prompt((len(self.requests),), drawn.prompt.grammar))


async def test_a_model_that_does_not_tell_its_token_ids_cannot_be_trained(tmp_path: Path) -> None:
    run = Run(run_spec(), tmp_path, generator=SilentGenerator(any_plan))
    with pytest.raises(FailedPrecondition, match="token ids"):
        await run.go()


class TellingGenerator(ScriptedGenerator):
    """A generator that tells log-probabilities, off by so much on the last token of the last candidate."""

    def __init__(self, off: float) -> None:
        super().__init__(any_plan)
        self._off = off

    async def draw(self, count: int, *, seed: int, adapter: str) -> Generation:
        """Draws, each token for certain, as `CountingPolicy` has it."""
        drawn = await super().draw(count, seed=seed, adapter=adapter)
        *others, last = (replace(each, log_probs=(0.0,) * len(each.token_ids)) for each in drawn.candidates)
        return replace(drawn, candidates=(*others, replace(last, log_probs=(*last.log_probs[1:], self._off))))


@pytest.mark.parametrize("off", [-0.11, 0.11, float("nan"), float("-inf")])
async def test_samples_of_another_model_end_the_run_before_anything_is_executed(
    off: float, tmp_path: Path
) -> None:
    run = Run(run_spec(), tmp_path, generator=TellingGenerator(off))
    with pytest.raises(FailedPrecondition, match="does not sample from the model"):
        await run.go()
    assert not run.interpreter.calls


async def test_samples_that_differ_by_rounding_are_learned_from(tmp_path: Path) -> None:
    run = Run(run_spec(), tmp_path, generator=TellingGenerator(-0.01))
    assert (await run.go()).iteration == 3


async def test_a_prompt_that_changes_within_the_run_ends_it(tmp_path: Path) -> None:
    run = Run(run_spec(), tmp_path, generator=FickleGenerator(any_plan))
    with pytest.raises(FailedPrecondition, match="changed"):
        await run.go()
    assert len(run.journal.reports) == 1


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with random weights."""
    return write_random_model(tmp_path_factory.mktemp("model"))


def everything(token_ids: Sequence[int]) -> Tensor:
    """A grammar that allows everything."""
    return torch.ones(len(token_ids), 320, dtype=torch.bool)


def lora_policy(folder: Path, seed: int) -> LoraPolicy:
    """A real policy, for samples that are plain bytes."""
    torch.set_num_threads(1)
    return LoraPolicy(
        load_base(folder, "cpu"),
        name="embedded",
        settings=LoraSettings(rank=2, learning_rate=1e-2),
        temperature=1.0,
        grammars=lambda grammar: everything,
        seed=seed,
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("committed", [1, 3])
async def test_a_killed_run_ends_in_the_very_state_of_an_uninterrupted_one(
    method: str, committed: int, tmp_path: Path, model_folder: Path
) -> None:
    spec = run_spec(method, iterations=5, candidates=4)
    whole = Run(spec, tmp_path / "whole", policy=lora_policy(model_folder, 0))
    await whole.go()
    # How many iterations have something to learn from depends on the last bits of the weights.
    assert not all(report.update_skipped for report in whole.journal.reports)

    # Killed when the next iteration was done and not yet committed: its weights are lost with the worker.
    killed = Run(spec, tmp_path / "parts", policy=lora_policy(model_folder, 0), journal=Notebook(committed))
    with pytest.raises(Killed):
        await killed.go()
    again = Run(spec, tmp_path / "parts", policy=lora_policy(model_folder, 1))
    await again.go(killed.journal.checkpoints[-1])

    assert again.generator.requests == whole.generator.requests[committed:]
    # A digest of everything: weights, moments, replay buffer, cache, workflows.
    assert [*killed.journal.checkpoints, *again.journal.checkpoints] == whole.journal.checkpoints
    assert [report.adapter for report in again.journal.reports] == [
        report.adapter for report in whole.journal.reports[committed:]
    ]
    assert len(set(whole.journal.checkpoints)) == 5


async def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path) -> None:
    run = Run(run_spec(iterations=1), tmp_path / "artifacts")
    await run.go()
    store = ArtifactStore(str(tmp_path / "artifacts"))
    folder = store.fetch_folder(run.journal.checkpoints[0], tmp_path / "checkpoint")
    text = (folder / "state.json").read_text()
    assert '"format":1' in text
    (folder / "state.json").write_text(text.replace('"format":1', '"format":999'))
    with pytest.raises(FailedPrecondition, match="another version"):
        run.checkpoints.restore(store.put_folder(folder), CountingPolicy())

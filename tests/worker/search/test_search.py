"""What all searches have in common: budget, duplicates, resumption, and the winner."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest

import autoflow_generator
from autoflow.client import Client
from autoflow.errors import NotFound
from autoflow.suites import Split, Task
from autoflow.testing import ScriptedModel, catalogue_of, serving
from autoflow_worker.ledger import Budget
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.ports import CallFailed, Generation, Workflow
from autoflow_worker.refinement import Attempt, Change, Refused
from autoflow_worker.remote import RemoteGenerator
from autoflow_worker.results import Fate
from autoflow_worker.search import SEARCHES, search_of
from autoflow_worker.search.history import LONGEST
from tests.worker.doubles import ScriptedInterpreter, workflow
from tests.worker.scripted_generator import ScriptedGenerator
from tests.worker.search.searching import SUITE, Hunt, TracingInterpreter, answer, fresh, number

METHODS = pytest.mark.parametrize("method", SEARCHES)


@METHODS
async def test_no_pair_is_executed_twice(method: str) -> None:
    hunt = Hunt(method, iterations=12)
    await hunt.go()
    assert hunt.meter.ledger.executions == sum(hunt.interpreter.calls.values())
    assert set(Counter(hunt.interpreter.calls).values()) == {1}
    assert hunt.search.executions == hunt.meter.ledger.executions


@METHODS
@pytest.mark.parametrize("stop", [1, 4, 7])
async def test_a_search_that_goes_on_from_its_state_is_the_uninterrupted_one(method: str, stop: int) -> None:
    whole, first, second = Hunt(method), Hunt(method), Hunt(method)
    expected = await whole.go()
    before = await first.go(stop)
    held = json.loads(json.dumps({"search": first.search.state(), "cache": first.evaluator.cache.state()}))
    second.evaluator.cache.load(held["cache"])
    second.search = search_of(second.context, second.traces, held["search"])
    after = await second.go()
    assert [*before, *after] == expected
    assert second.search.state() == whole.search.state()
    assert second.search.workflows == whole.search.workflows
    assert first.interpreter.calls + second.interpreter.calls == whole.interpreter.calls
    assert first.generator.shown + second.generator.shown == whole.generator.shown


@METHODS
async def test_so_is_one_of_which_cells_are_missing(method: str) -> None:
    def failures(workflow: Workflow, task: Task) -> int:
        return 99 if number(f"{workflow.digest} {task.id}", 4) == 0 else 0

    def away() -> Hunt:
        return Hunt(method, interpreter=TracingInterpreter(answer, failures))

    whole, first, second = away(), away(), away()
    expected = await whole.go()
    before = await first.go(4)
    second.evaluator.cache.load(first.evaluator.cache.state())
    second.search = search_of(second.context, second.traces, first.search.state())
    assert [*before, *await second.go()] == expected
    assert whole.meter.ledger.missing


@METHODS
async def test_an_iteration_that_failed_left_no_trace(method: str) -> None:
    hunt = Hunt(
        method, candidates=9, interpreter=ScriptedInterpreter(answer, failures=lambda workflow, task: 99)
    )
    before = hunt.search.state()
    with pytest.raises(CallFailed, match="not one candidate"):
        await hunt.search.step()
    assert hunt.search.state() == before


@METHODS
async def test_a_budget_is_never_overspent_and_keeps_the_reserve(method: str) -> None:
    hunt = Hunt(method, iterations=100, budget=Budget(max_executions=90))
    hunt.search = search_of(hunt.context, hunt.traces, reserve=20)
    await hunt.go()
    assert hunt.search.done
    assert 0 < hunt.search.iteration < 100
    assert hunt.meter.ledger.executions <= 70


@METHODS
async def test_what_is_invalid_or_was_seen_costs_no_execution(method: str) -> None:
    hunt = Hunt(method, iterations=20)
    await hunt.go()
    fates = Counter(candidate.fate for candidate in hunt.candidates)
    assert fates[Fate.INVALID]
    assert fates[Fate.DUPLICATE]
    idle = [c for c in hunt.candidates if c.fate in (Fate.INVALID, Fate.DUPLICATE)]
    assert all(candidate.reward is None and not candidate.tasks for candidate in idle)
    assert {candidate.reason for candidate in idle if candidate.fate is Fate.INVALID} == {
        "the step has no type"
    }
    digests = [candidate.digest for candidate in hunt.candidates if candidate.fate not in (Fate.DUPLICATE,)]
    valid = [digest for digest in digests if digest]
    assert len(valid) == len(set(valid))
    assert (hunt.search.drawn, hunt.search.valid) == (
        len(hunt.candidates),
        len(valid) + fates[Fate.DUPLICATE],
    )


@METHODS
async def test_a_duplicate_is_told_and_not_measured(method: str) -> None:
    generator = ScriptedGenerator(
        lambda seed, adapter: "Quality 3 of 9", refine=lambda seed, shown: "Quality 3 of 9"
    )
    hunt = Hunt(method, iterations=3, generator=generator)
    await hunt.go()
    fates = [candidate.fate for candidate in hunt.candidates]
    assert fates[1:] == [Fate.DUPLICATE] * (len(fates) - 1)
    assert len({text for text, _ in hunt.interpreter.calls}) == 1


@METHODS
async def test_a_search_finds_the_better_ones_and_chooses_on_validation(method: str) -> None:
    hunt = Hunt(method, iterations=12)
    await hunt.go()
    chosen = await hunt.search.winner()
    assert chosen is not None
    validation = SUITE.tasks(Split.VALIDATION)
    assert len(chosen.row) == len(validation)
    assert chosen.mean == sum(score.reward for score in chosen.row if score) / len(validation)
    first = hunt.candidates[0]
    assert chosen.mean > (first.reward or 0.0)


async def test_a_search_without_any_workflow_has_no_winner() -> None:
    hunt = Hunt("random", iterations=2, generator=ScriptedGenerator(lambda seed, adapter: None))
    await hunt.go()
    assert hunt.search.workflows == ()
    assert await hunt.search.winner() is None
    assert hunt.meter.ledger.executions == 0


async def test_of_what_was_not_measured_everywhere_the_rest_counts() -> None:
    lost = SUITE.tasks(Split.TRAIN)[::2]

    def failures(workflow: Workflow, task: object) -> int:
        return 99 if task in lost else 0

    hunt = Hunt("random", interpreter=ScriptedInterpreter(answer, failures))
    await hunt.go(2)
    measured = [candidate for candidate in hunt.candidates if candidate.fate is Fate.MEASURED]
    assert measured
    assert {candidate.tasks for candidate in measured} < {0, 1, 2, 3, 4}
    assert hunt.meter.ledger.missing > 0


async def test_a_missing_candidate_may_be_drawn_and_tried_again() -> None:
    texts = iter(("Quality 9 of 9", "Quality 1 of 9", "Quality 9 of 9", "Quality 1 of 9"))
    lost = workflow("Quality 9 of 9")
    interpreter = ScriptedInterpreter(answer, lambda found, task: 3 if found == lost else 0)
    generator = ScriptedGenerator(lambda seed, adapter: next(texts))
    hunt = Hunt("random", candidates=2, interpreter=interpreter, generator=generator)
    await hunt.go(2)
    fates = [candidate.fate for candidate in hunt.candidates]
    assert fates[:2] == [Fate.MISSING, Fate.MEASURED]
    assert Fate.DUPLICATE in fates[2:]
    assert {fates[2], fates[3]} == {Fate.MEASURED, Fate.DUPLICATE}
    assert hunt.search.workflows[0] == lost


async def test_among_equals_the_one_that_was_measured_on_more_tasks_comes_first() -> None:
    lost = SUITE.tasks(Split.TRAIN)
    interpreter = ScriptedInterpreter(
        failures=lambda found, task: 99 if found == workflow("Alpha, Gamma") and task in lost[::2] else 0
    )
    texts = iter(("Alpha, Gamma", "Alpha, Delta"))
    generator = ScriptedGenerator(lambda seed, adapter: next(texts))
    hunt = Hunt("random", candidates=2, tasks=8, interpreter=interpreter, generator=generator)
    await hunt.go(1)
    assert [candidate.reward for candidate in hunt.candidates] == [0.5, 0.5]
    assert hunt.search.workflows == (workflow("Alpha, Delta"), workflow("Alpha, Gamma"))


async def test_random_draws_from_the_goal_alone_and_history_shows_the_whole_chat() -> None:
    random, history = Hunt("random"), Hunt("history", candidates=1, iterations=6)
    await random.go()
    await history.go()
    assert random.generator.shown == []
    chats = [attempts for attempts, _ in history.generator.shown]
    assert [len(chat) for chat in chats] == list(range(1, len(chats) + 1))
    assert all(longer[:-1] == shorter for shorter, longer in pairwise(chats))
    told = {(turn.score is None, bool(turn.error)) for turn in chats[-1]}
    assert told <= {(True, True), (False, False)}
    scores = [candidate.reward for candidate in history.candidates]
    assert [turn.score for turn in chats[-1]] == scores[:-1]


class ForgetfulGenerator(ScriptedGenerator):
    """A generator whose model has room for a goal, and for nothing else."""

    async def refine(
        self, attempts: Sequence[Attempt], change: Change | None, count: int, *, seed: int, adapter: str
    ) -> Generation:
        """Refuses."""
        raise Refused("the prompt does not fit the context")


@METHODS
async def test_a_model_that_cannot_be_shown_anything_designs_from_the_goal_alone(method: str) -> None:
    hunt = Hunt(method, generator=ForgetfulGenerator(fresh))
    await hunt.go()
    assert hunt.search.iteration == 8
    assert len({candidate.digest for candidate in hunt.candidates}) > 8
    assert not any(candidate.parents for candidate in hunt.candidates)


async def test_a_chat_is_never_longer_than_a_request_may_carry() -> None:
    generator = ScriptedGenerator(lambda seed, adapter: f"Quality 3 of 9 by {seed}")
    hunt = Hunt("history", iterations=LONGEST + 4, candidates=1, tasks=1, generator=generator)
    await hunt.go()
    *_, before, last = (attempts for attempts, _ in generator.shown)
    assert len(last) == LONGEST
    assert last[:-1] == before[1:]


async def test_what_a_generator_refuses_is_told_apart_from_what_it_cannot_serve() -> None:
    model = ScriptedModel(lambda messages: "", name="embedded")
    async with (
        serving(autoflow_generator.build({}, catalogue_of(model))) as address,
        Client(generator=address) as client,
    ):
        training = TrainingSettings(iterations=1, candidates=1)
        generator = RemoteGenerator(client.generator, "embedded", SUITE, training, mends=True)
        attempt = Attempt(workflow("Alpha").text, 0.5)
        with pytest.raises(Refused, match="no such step"):
            await generator.refine([attempt], Change("Step 9"), 1, seed=0, adapter="")
        generator = RemoteGenerator(client.generator, "unheard-of", SUITE, training, mends=True)
        with pytest.raises(NotFound):
            await generator.refine([attempt], None, 1, seed=0, adapter="")

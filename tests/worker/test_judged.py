"""Answers that a judge scores: one by one, in an evaluation, and in one that is gone on with."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from autoflow import prompts
from autoflow.client import Client
from autoflow.methods import Reward
from autoflow.suites import Judge, Split, Task
from autoflow.suites.travel import judged_suite, measures
from autoflow_worker.cache import EvaluationCache
from autoflow_worker.checkpoint import State
from autoflow_worker.context import Context
from autoflow_worker.evaluation.convert import result_to_proto
from autoflow_worker.evaluation.shelf import Shelf
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluation.table import EvaluationResult
from autoflow_worker.evaluator import Evaluator
from autoflow_worker.job import found
from autoflow_worker.judged import JudgedScorer, unanswered
from autoflow_worker.ledger import Meter
from autoflow_worker.ports import Workflow
from autoflow_worker.remote_interpreter import RemoteInterpreter
from autoflow_worker.report import Ending
from autoflow_worker.result_convert import result_to_proto as run_to_proto
from autoflow_worker.spec import Comparator, TestPlan
from tests.suites.travel.country import SUITE
from tests.worker.doubles import (
    IMPATIENT,
    Killed,
    Notebook,
    ScriptedInterpreter,
    publisher,
    run_spec,
    workflow,
)
from tests.worker.doubles import suite as doubles
from tests.worker.evaluations import Bench, evaluation
from tests.worker.scripted_generator import ScriptedGenerator
from tests.worker.test_evaluation_page import Elements, harmless

JUDGED = judged_suite(SUITE)
TASKS = JUDGED.tasks(Split.VALIDATION)
ANSWERS = "right", "dull", "unreadable", "none"
"""What the workflows answer: the reference, it without attractions, no plan, nothing at all."""


def judge() -> Judge:
    assert JUDGED.judge is not None
    return JUDGED.judge


def answer(asked: Workflow, task: Task) -> str | None:
    match asked.text.rpartition(":::")[2]:
        case "right":
            return task.reference
        case "dull":
            return spoilt(task)
        case "unreadable":
            return "No <b>idea</b>."
        case _:
            return None


def spoilt(task: Task) -> str:
    """The reference without its attractions."""
    return re.sub(r'"attraction": "[^"]*"', '"attraction": "-"', task.reference)


def spec(*answers: str, tasks: int = 12) -> EvaluationSpec:
    return replace(evaluation(*answers, tasks=tasks), reward=Reward.JUDGED)


def bench(home: Path, wanted: EvaluationSpec, journal: Notebook | None = None) -> Bench:
    return Bench(
        home,
        wanted,
        interpreter=ScriptedInterpreter(answer),
        scorer=JudgedScorer(judge(), evidence=True),
        suite=JUDGED,
        journal=journal or Notebook(),
        batch_cells=20,
    )


async def test_an_answer_is_worth_what_the_judge_says() -> None:
    task = TASKS[0]
    answers = [(task.reference, task), (spoilt(task), task), ("nothing", task)]
    for evidence in (True, False):
        scores = await JudgedScorer(judge(), evidence=evidence).score(answers)
        said = [judge().score(task, text) for text, _ in answers]
        assert [score.reward for score in scores] == [one.reward for one in said]
        assert [score.plan_valid for score in scores] == [True, True, False]
        assert [score.passed for score in scores] == [True, False, False]
        assert 0 < scores[1].reward < 1
        for score, one, (text, _) in zip(scores, said, answers, strict=True):
            assert (score.evidence is not None) is evidence
            if score.evidence:
                told = score.evidence.answer, score.evidence.detail, score.evidence.verdicts
                assert told == (text, one.not_delivered, one.verdicts)


async def test_no_answer_is_one_of_which_nothing_holds() -> None:
    score = unanswered(judge(), TASKS[0])
    assert (score.plan_valid, score.reward, score.passed) == (False, 0.0, False)
    assert score.evidence is not None
    assert score.evidence.verdicts
    assert not any(verdict.holds for verdict in score.evidence.verdicts)


async def test_an_evaluation_tells_the_measures_of_the_suite(tmp_path: Path) -> None:
    result = await bench(tmp_path, spec(*ANSWERS)).job().run()
    tasks = {task.id: task for task in TASKS}
    measured = [tasks[one.task] for one in result.tasks]
    assert len(measured) == 12
    for name, line in zip((*ANSWERS, "right"), result.workflows, strict=True):
        said = [answer(workflow(name), task) or "" for task in measured]
        scores = [judge().score(task, text) for task, text in zip(measured, said, strict=True)]
        assert line.constraints == measures(scores)
        assert line.pass_rate is not None
        assert line.pass_rate.mean == line.constraints.final_pass_rate
        assert line.valid_plan_rate.mean == line.constraints.delivery_rate
        assert line.reward.mean == pytest.approx(sum(score.reward for score in scores) / 12)
        assert line.plan_f1 is None
        assert [metric.metric for metric in line.metrics] == ["constraints"]
        for score, one in zip(line.scores, scores, strict=True):
            assert score is not None
            assert score.evidence is not None
            assert score.evidence.verdicts == one.verdicts


async def test_the_result_as_a_message_tells_each_verdict_and_no_likeness_of_plans(tmp_path: Path) -> None:
    result = await bench(tmp_path, spec("dull", "none")).job().run()
    message = result_to_proto(result)
    dull, none, reference = message.workflows
    assert not any(found.HasField("plan_f1") for found in message.workflows)
    assert (dull.constraints.delivery_rate, none.constraints.delivery_rate) == (1.0, 0.0)
    assert (reference.pass_rate.mean, reference.constraints.final_pass_rate) == (1.0, 1.0)
    for told, task in zip(dull.tasks, result.tasks, strict=True):
        found = judge().score(one := next(one for one in TASKS if one.id == task.task), spoilt(one))
        assert told.passed is found.final_pass is False
        assert [(item.constraint, item.holds, item.reason) for item in told.verdicts] == [
            (item.constraint, item.holds, item.reason) for item in found.verdicts
        ]
        assert {item.kind for item in told.verdicts} == {1, 2}
        assert len(told.answer) == 500
    assert all(task.answer == "" and len(task.verdicts) > 8 for task in none.tasks)


async def test_a_worker_that_follows_on_one_that_died_finds_the_same(tmp_path: Path) -> None:
    wanted = spec(*ANSWERS)
    whole = await bench(tmp_path / "whole", wanted).job().run()
    first = bench(tmp_path / "cut", wanted, Notebook(stop_after=1))
    with pytest.raises(Killed):
        await first.job().run()
    second = bench(tmp_path / "cut", wanted)
    checkpoint = first.journal.checkpoints[-1]
    result = await second.job(first.journal.reports[-1].ledger, checkpoint).run()
    assert without_page(result) == without_page(whole)
    assert result_to_proto(result).workflows == result_to_proto(whole).workflows
    # Four workflows on the tasks that were in no batch yet.
    kept = Shelf(first.artifacts).restore(checkpoint)
    assert sum(second.interpreter.calls.values()) == 4 * (12 - len(kept))


def without_page(result: EvaluationResult) -> EvaluationResult:
    return replace(result, page="")


async def test_the_page_shows_which_constraints_fail_and_why(tmp_path: Path) -> None:
    here = bench(tmp_path, spec("dull", "unreadable", "none", tasks=3))
    result = await here.job().run()
    page = here.artifacts.get(result.page)
    harmless(page)
    found = Elements(page)
    text = " ".join(found.text.split())
    for shown in (
        "rewarded by the share of constraints that hold",
        "complete_information: Day ",
        "an answer is JSON and nothing else",
        "the workflow ended without an answer",
        "No <b>idea</b>.",
        "the reference answers themselves",
        "passed delivered common sense",
        "a constraint fails 3",
        "answers that cannot be read 3",
        "what else the query says",
    ):
        assert shown in text
    for word in ("plan F1", "valid plans", "samples", "invalid"):
        assert word not in text
    # A query's rules are folded away, and the whole answer can be read.
    asked, _, _ = TASKS[0].query.partition("\n\n")
    assert any(task.query.startswith(asked) for task in TASKS)
    assert '"day": 3' in found.text


async def test_the_end_of_an_optimisation_is_judged_and_knows_no_likeness_of_plans() -> None:
    comparator = Comparator("dull", workflow("dull"))
    wanted = replace(run_spec(test=TestPlan(comparators=(comparator,))), reward=Reward.JUDGED)
    scorer, meter = JudgedScorer(judge()), Meter(wanted.budget)
    evaluator = Evaluator(ScriptedInterpreter(answer), scorer, meter, retry=IMPATIENT)
    generator = ScriptedGenerator(lambda seed, adapter: "right")
    here = Context(wanted, JUDGED, generator, evaluator, meter, Notebook(), IMPATIENT)
    await evaluator.evaluate([(workflow("right"), here.training_tasks(0))])
    state = State(iteration=1, adapter="sha256:" + "a" * 64, workflows=(workflow("right"),))
    message = run_to_proto(await Ending(here, scorer, found(here, state), publisher(here)).run())
    dull, best = message.reports
    test = JUDGED.tasks(Split.TEST)
    said = [judge().score(task, spoilt(task)).reward for task in test]
    assert dull.reward.mean == pytest.approx(sum(said) / len(test))
    assert (best.reward.mean, message.ceiling, best.valid_plan_rate) == (1, 1, 1)
    assert not any(found.HasField("plan_f1") for found in (dull, best))


def test_what_is_remembered_of_a_score_comes_back() -> None:
    cache, again = EvaluationCache("one"), EvaluationCache("one")
    scored = replace(unanswered(judge(), TASKS[0]), reward=1.0, plan_valid=True, passed=True, evidence=None)
    cache.put(workflow("right"), TASKS[0], scored)
    again.load(cache.state())
    assert again.get(workflow("right"), TASKS[0]) == scored
    # What was stored before there were judges.
    again.load({"identity": "one", "rows": {workflow("old").digest: {TASKS[0].digest: [0.5, 1, 0.25]}}})
    old = again.get(workflow("old"), TASKS[0])
    assert old is not None
    assert (old.reward, old.plan_f1, old.passed) == (0.5, 0.25, False)


async def test_what_is_asked_of_an_interpreter_is_part_of_what_scores_are_remembered_for() -> None:
    async with Client(interpreter="127.0.0.1:1") as client:
        suites = (
            JUDGED,
            replace(JUDGED, allowance=replace(JUDGED.allowance, answer_tokens=1)),
            replace(JUDGED, tools=JUDGED.tools[1:]),
            doubles(),
        )
        of = {RemoteInterpreter(client.interpreter, "m", "", suite).identity for suite in suites}
        again = RemoteInterpreter(client.interpreter, "m", "", JUDGED).identity
    assert len(of) == len(suites)
    assert again in of
    assert all(f"prompts={prompts.VERSION} " in identity for identity in of)

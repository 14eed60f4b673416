"""The training corpus: the teacher, the workflows it carries out, the chats that are rendered."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.language import check
from autoflow.llm.base import Role
from autoflow.llm.tiny.corpus.intents import (
    Add,
    Arrange,
    Aspect,
    Babble,
    Check,
    Fact,
    Identify,
    Intent,
    Muse,
    Output,
    Part,
    Select,
)
from autoflow.llm.tiny.corpus.phrases import say
from autoflow.llm.tiny.corpus.samples import Corpus, Sample
from autoflow.llm.tiny.corpus.teacher import Teacher
from autoflow.llm.tiny.corpus.workflows import MAX_STEPS, compose, improve, sample_draft
from autoflow.suites import Split, load_suite
from autoflow.suites.planning import Combination, all_combinations, split_combinations

BY_ID = {combination.id: combination for combination in all_combinations()}
TEST = split_combinations()[Split.TEST]
ALL_FACTS = Identify(frozenset(Fact))

intents = st.one_of(
    st.builds(Identify, st.frozensets(st.sampled_from(Fact), min_size=1)),
    st.builds(Select, st.booleans()),
    st.builds(Add, st.sampled_from(Part)),
    st.builds(Check, st.sampled_from(Aspect)),
    st.sampled_from([Arrange(), Muse(), Output(), Babble()]),
)


def answers(task: str, *carried_out: Intent) -> list[str]:
    teacher = Teacher(BY_ID[task])
    return [teacher.answer(intent) for intent in carried_out]


def test_the_teacher_states_what_it_is_asked_for_and_no_more() -> None:
    assert answers("image.noise.blur.caption.german", Identify(frozenset({Fact.FAULTS, Fact.INPUT}))) == [
        "Input: image. Faults: noise, blur."
    ]


def test_what_was_not_established_is_not_used() -> None:
    established = Identify(frozenset({Fact.INPUT, Fact.OUTPUT}))
    chosen = answers("image.noise.blur.caption.german", established, Select(ordered=True))[-1]
    assert chosen == "Plan: Image Captioning."


def test_without_an_order_models_come_as_the_catalogue_has_them() -> None:
    task = "image.noise.caption.german"
    assert answers(task, ALL_FACTS, Select(ordered=False))[-1] == (
        "Plan: Image Captioning, Image Denoising, Machine Translation."
    )
    assert answers(task, ALL_FACTS, Select(ordered=True))[-1] == (
        "Plan: Image Denoising, Image Captioning, Machine Translation."
    )


def test_a_failed_check_is_heeded_by_the_next_selection() -> None:
    again: list[Intent] = [Select(ordered=False), Check(Aspect.ORDER)]
    said = answers("image.noise.caption.english", ALL_FACTS, *again, *again)
    assert said[2] == "No, Image Captioning comes before Image Denoising."
    assert said[4] == "Yes."


@pytest.mark.parametrize("task", TEST, ids=lambda task: task.id)
def test_a_workflow_that_states_every_fact_is_right_on_every_task(task: Combination) -> None:
    draft = compose([ALL_FACTS, Select(ordered=True), Output()], random.Random(0))
    assert draft.reward([task]) == 1.0


def test_leaving_out_the_faults_costs_reward_and_so_does_the_order() -> None:
    rng = random.Random(0)
    no_faults = Identify(frozenset(Fact) - {Fact.FAULTS})
    assert 0.4 < compose([no_faults, Select(ordered=True), Output()], rng).reward(TEST) < 0.7
    assert 0.4 < compose([ALL_FACTS, Select(ordered=False), Output()], rng).reward(TEST) < 0.7
    assert compose([ALL_FACTS, Select(ordered=True), Babble()], rng).reward(TEST) == 0.0


@given(intents, st.integers(0, 10**6))
def test_words_fit_into_a_workflow(intent: Intent, seed: int) -> None:
    words = say(intent, random.Random(seed))
    assert 3 < len(words) <= 240
    assert not set(words) & set(":\n{}|")
    assert words == words.strip()


@given(st.integers(0, 10**6))
def test_every_drawn_workflow_lints_and_every_mended_one_too(seed: int) -> None:
    rng = random.Random(seed)
    draft = sample_draft(rng)
    for workflow in (draft, improve(draft, rng)):
        assert check(workflow.text).diagnostics == ()
        assert len(workflow.steps) <= MAX_STEPS


def test_mending_helps_on_the_whole() -> None:
    rng = random.Random(0)
    drafts = [sample_draft(rng) for _ in range(60)]
    gains = [improve(draft, rng).reward(TEST) - draft.reward(TEST) for draft in drafts]
    assert sum(gains) / len(gains) > 0.1


def test_equal_seeds_give_equal_streams_of_every_kind() -> None:
    first, second = ([*islice(Corpus(7), 300)] for _ in range(2))
    assert first == second
    assert set(Counter(sample.kind for sample in first)) == {
        "execution",
        "branch",
        "design",
        "revision",
        "reflection",
    }


@pytest.mark.parametrize("kind", ["execution", "branch", "design", "revision", "reflection"])
def test_a_chat_alternates_and_ends_with_what_is_learned(kind: str) -> None:
    corpus = Corpus(3)
    for _ in range(20):
        sample = corpus.make(kind)
        roles = [message.role for message in sample.messages if message.role is not Role.SYSTEM]
        assert roles == [Role.USER, Role.ASSISTANT] * (len(roles) // 2)
        assert 1 <= sample.learned_turns <= len(roles) // 2


def test_no_task_of_the_test_split_is_trained_on() -> None:
    sealed = {task.query for task in load_suite("planning").tasks(Split.TEST)}
    corpus = Corpus(11)
    seen = {_query(corpus.make("execution")) for _ in range(3_000)}
    assert len(seen) > 1_000
    assert not seen & sealed
    assert not set(corpus.tasks) & set(TEST)


def _query(sample: Sample) -> str:
    first = next(message for message in sample.messages if message.role is Role.USER)
    return first.content.splitlines()[0].removeprefix("Task: ")

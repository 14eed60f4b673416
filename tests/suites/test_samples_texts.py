"""The built-in texts: varied, solvable from their tables, and useless to whoever skips a step."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.suites import Split, Task, load_suite
from autoflow.suites.planning import Combination, Fault, Language, Wanted, all_combinations
from autoflow.suites.samples import words
from autoflow.suites.samples.clues import Clues
from autoflow.suites.samples.phrases import PATTERNS, Part, PhraseBook
from autoflow.suites.samples.scene_texts import scene_text
from autoflow.suites.samples.texts import Text, text
from autoflow.suites.samples.verdicts import (
    SENTIMENT_WORDS,
    SENTIMENTS_IN_GERMAN,
    VENUE_ADJECTIVES,
    VERDICTS,
    Sentiment,
)
from autoflow.suites.samples.words import GAP
from autoflow.suites.scenes import Purpose, scene
from autoflow.suites.scenes.words import ENGLISH

SUITE = load_suite("planning")
BOOK, CLUES = PhraseBook(), Clues()
COMBINATIONS = {combination.id: combination for combination in all_combinations()}

seeds = st.integers(0, 2**48)


def tasks(wanted: Wanted, gaps: bool) -> list[tuple[Task, Combination]]:
    every = [
        (task, COMBINATIONS[task.id.rpartition("/")[0]]) for split in Split for task in SUITE.tasks(split)
    ]
    found = [
        (task, combination)
        for task, combination in every
        if combination.wanted is wanted
        and combination.source.startswith("text")
        and (Fault.GAPS in combination.faults) == gaps
    ]
    assert found
    return found


def every_gap(told: Text) -> list[str]:
    return [gap for sentence in told.sentences for gap in sentence.gaps]


def evidence(english: str) -> list[Sentiment]:
    """What a reader of single words sees of a text's sentiment."""
    return [SENTIMENT_WORDS[word] for word in re.findall(r"[a-z]+", english) if word in SENTIMENT_WORDS]


@given(seeds)
def test_a_text_is_read_and_translated_from_the_tables(seed: int) -> None:
    told = text(seed)
    assert told == text(seed)
    assert 6 <= len(told.sentences) <= 8
    assert told.sentences[0].part is Part.LEAD
    assert told.sentences[-1].part is Part.END
    for sentence in told.sentences:
        reading = BOOK.read(sentence.english)
        assert reading is not None
        assert (reading.part, reading.german) == (sentence.part, sentence.german)


@given(seeds, st.randoms(use_true_random=False))
def test_a_gap_is_read_and_stays_a_gap(seed: int, rng: random.Random) -> None:
    told = text(seed)
    possible = every_gap(told)
    clozed = told.clozed(rng.sample(possible, rng.randint(1, len(possible))))
    for english, sentence in zip(re.split(r"(?<=\.) ", clozed), told.sentences, strict=True):
        reading = BOOK.read(english)
        assert reading is not None
        assert reading.part is sentence.part
        pieces = map(re.escape, reading.german.split(GAP))
        assert re.fullmatch(r"[\w-]+".join(pieces), sentence.german)
        assert reading.german.count(GAP) == english.count(GAP)


def test_there_are_thousands_of_texts() -> None:
    texts = [text(seed) for seed in range(3_000)]
    assert len({told.english for told in texts}) == len({told.german for told in texts}) == 3_000
    assert {sentence.part for told in texts for sentence in told.sentences} == set(Part)
    openings = {" ".join(told.sentences[2].english.split()[:2]) for told in texts}
    assert len(openings) > 30


@given(seeds, st.randoms(use_true_random=False))
def test_gaps_are_filled_from_the_text_alone(seed: int, rng: random.Random) -> None:
    told = text(seed)
    possible = every_gap(told)
    assert len(possible) >= 5
    gaps = rng.sample(possible, rng.randint(1, len(possible)))
    clozed = told.clozed(gaps)
    assert clozed.count(GAP) == len(gaps)
    assert CLUES.fill(clozed) == told.english
    assert CLUES.fill(told.english) == told.english


def test_what_has_no_clue_stays_a_gap() -> None:
    assert CLUES.fill(f"Anna, a {GAP}, was as {GAP} as a tree.") == f"Anna, a {GAP}, was as {GAP} as a tree."
    assert CLUES.fill("") == ""


@given(seeds)
def test_a_summary_is_short_and_evaluates_nothing(seed: int) -> None:
    told = text(seed)
    summary = told.summary(Language.ENGLISH)
    assert len(summary) < 0.6 * len(told.english)
    assert not evidence(summary)
    assert CLUES.fill(summary) == summary
    job = told.sentences[0].gaps[0]
    assert GAP in CLUES.fill(summary.replace(job, GAP)), "who summarizes first has lost the clue"


@given(seeds)
def test_the_sentiment_is_that_of_most_verdicts(seed: int) -> None:
    told = text(seed)
    seen = evidence(told.english)
    assert len(seen) == 3
    assert seen.count(told.sentiment) >= 2


def test_both_sentiments_are_as_frequent() -> None:
    positive = sum(text(seed).sentiment is Sentiment.POSITIVE for seed in range(1_000))
    assert 430 < positive < 570


@pytest.mark.parametrize("gaps", [True, False])
def test_gaps_hide_the_sentiment(gaps: bool) -> None:
    for task, combination in tasks(Wanted.SENTIMENT, gaps):
        for sample in SUITE.samples(task):
            (given_text,) = sample.inputs
            assert isinstance(given_text, str)
            sentiment = next(
                one for one in Sentiment if sample.reference in (one.value, SENTIMENTS_IN_GERMAN[one])
            )
            assert (sample.reference == sentiment.value) == (combination.language is Language.ENGLISH)
            assert (GAP in given_text) == gaps
            assert (sentiment in evidence(given_text)) != gaps
            filled = evidence(CLUES.fill(given_text))
            assert filled.count(sentiment) >= 2


@pytest.mark.parametrize("gaps", [True, False])
def test_an_answer_is_in_the_text_but_neither_in_its_summary_nor_beside_its_gaps(gaps: bool) -> None:
    for task, combination in tasks(Wanted.ANSWER, gaps):
        for sample in SUITE.samples(task):
            given_text, question = sample.inputs
            assert isinstance(given_text, str)
            assert isinstance(question, str)
            assert question.endswith("?")
            assert isinstance(sample.reference, str)
            if combination.language is Language.GERMAN:
                assert sample.reference not in CLUES.fill(given_text)
            else:
                answer = re.compile(rf"\b{sample.reference}\b", re.IGNORECASE)
                assert answer.search(CLUES.fill(given_text))
                assert bool(answer.search(given_text)) != gaps
            assert (GAP in given_text) == gaps


@pytest.mark.parametrize("wanted", [Wanted.SUMMARY, Wanted.TRANSLATION, Wanted.COMPLETE_TEXT])
def test_what_is_wanted_of_a_text_with_gaps_takes_their_filling(wanted: Wanted) -> None:
    for task, combination in tasks(wanted, gaps=True):
        for sample in SUITE.samples(task):
            (given_text,) = sample.inputs
            assert isinstance(given_text, str)
            assert isinstance(sample.reference, str)
            sentences = re.split(r"(?<=\.) ", CLUES.fill(given_text))
            chosen = [sentences[0], sentences[-1]] if wanted is Wanted.SUMMARY else sentences
            if combination.language is Language.GERMAN:
                readings = [BOOK.read(sentence) for sentence in chosen]
                chosen = [reading.german for reading in readings if reading]
            assert " ".join(chosen) == sample.reference
            first = re.split(r"(?<=\.) ", given_text)[0]
            assert (first if wanted is Wanted.SUMMARY else given_text).count(GAP) >= 2


@given(seeds)
def test_a_text_of_a_scene_tells_all_of_it(seed: int) -> None:
    shown = scene(seed, Purpose.SUITE)
    told = scene_text(shown, random.Random(seed))
    assert CLUES.fill(told.clozed) == told.complete
    assert told.clozed.count(GAP) == len(shown.things)
    rest = told.complete
    for thing in shown.things:
        name = f"a {thing.size} {thing.colour} {ENGLISH.kinds[thing.kind][0].one}, "
        assert name in rest
        assert name not in told.clozed
        rest = rest[rest.index(name) :]
    assert any(where in told.complete for where in ENGLISH.where[shown.place])
    assert any(when in told.complete for when in ENGLISH.when[shown.time])


def test_clues_give_nothing_else_away() -> None:
    names = {noun.one for nouns in ENGLISH.kinds.values() for noun in nouns} | set(ENGLISH.colours.values())
    for clue in CLUES.words:
        assert not names & set(re.findall(r"\w+", clue)), clue
        assert not evidence(clue), clue
        others = [other for other in CLUES.words if re.search(rf"\b{re.escape(clue)}\b", other)]
        assert others == [clue]


def test_no_word_evaluates_two_aspects_and_no_slot_says_two_things() -> None:
    assert len(SENTIMENT_WORDS) == sum(map(len, VERDICTS.values()))
    for table in (words.WHEN, words.WAYS, words.WEATHER, words.NUMBERS, words.LATER, VENUE_ADJECTIVES):
        assert len({english for english, _ in table}) == len({german for _, german in table}) == len(table)
    assert (
        len({job.work for job in words.JOBS}) == len({job.english for job in words.JOBS}) == len(words.JOBS)
    )


@pytest.mark.parametrize("part", list(Part))
def test_a_pattern_has_the_same_slots_in_both_languages(part: Part) -> None:
    for english, german in PATTERNS[part]:
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", german))


@given(st.text(max_size=200))
def test_whatever_is_read_nothing_breaks(anything: str) -> None:
    assert BOOK.read(anything) is None
    assert CLUES.fill(anything) == anything


def test_examples_of_german() -> None:
    assert BOOK.read("IN MAY MIA, A PILOT, visited an old farm in Rome, the capital of Italy.") is not None
    reading = BOOK.read("Her cat, which purred all the way, was there, too.")
    assert reading is not None
    assert reading.german == "Ihre Katze, die den ganzen Weg schnurrte, war auch dabei."
    assert BOOK.read("Her cat, which barked at every bus, was there, too.") is None

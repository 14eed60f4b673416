"""Drawn scenes: what is chosen, what is said about it, and that no purpose sees another's scenes."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.suites.planning import Language
from autoflow.suites.scenes import (
    CAPTIONS,
    Attribute,
    Colour,
    Kind,
    Place,
    Purpose,
    Question,
    Scene,
    Size,
    Thing,
    Time,
    caption,
    captions,
    label,
    near_miss,
    objects,
    paraphrase,
    questions,
    scene,
)
from autoflow.suites.scenes.words import LEXICONS

CAT = Thing(Kind.CAT, Colour.ORANGE, Size.LARGE, 0.25, 0.7, 0.28)
STAR = Thing(Kind.STAR, Colour.WHITE, Size.SMALL, 0.7, 0.2, 0.15)
TWO = Scene(Place.MEADOW, Time.NIGHT, (CAT, STAR), texture=7)

seeds = st.integers(0, 2**40)


@given(seeds, st.sampled_from(Purpose))
def test_a_scene_is_sound_and_serves_its_purpose(seed: int, purpose: Purpose) -> None:
    drawn = scene(seed, purpose)
    assert drawn == scene(seed, purpose)
    assert drawn.purpose is purpose
    assert 1 <= len(drawn.things) <= 4
    assert len({(thing.kind, thing.colour) for thing in drawn.things}) == len(drawn.things)
    edges = [0.0, *(edge for thing in drawn.things for edge in (thing.box.left, thing.box.right)), 1.0]
    assert all(left <= right for left, right in pairwise(edges)), "side by side, from left to right"
    assert all(0 <= thing.box.top < thing.box.bottom <= 1 for thing in drawn.things)


def test_purposes_share_no_scene_and_no_caption() -> None:
    drawn = {purpose: [scene(seed, purpose) for seed in range(1_500)] for purpose in Purpose}
    for tell in (lambda one: one.description, caption):
        told = {purpose: {tell(one) for one in members} for purpose, members in drawn.items()}
        assert all(len(words) > 1_400 for words in told.values())
        assert not told[Purpose.TRAINING] & told[Purpose.HELD_OUT]
        assert not told[Purpose.TRAINING] & told[Purpose.SUITE]
        assert not told[Purpose.HELD_OUT] & told[Purpose.SUITE]


def test_scenes_vary_in_everything() -> None:
    drawn = [scene(seed) for seed in range(400)]
    assert {one.place for one in drawn} == set(Place)
    assert {one.time for one in drawn} == set(Time)
    assert {len(one.things) for one in drawn} == {1, 2, 3, 4}
    assert {thing.kind for one in drawn for thing in one.things} == set(Kind)
    assert {thing.colour for one in drawn for thing in one.things} == set(Colour)
    assert {thing.size for one in drawn for thing in one.things} == set(Size)


@given(seeds, seeds)
def test_a_near_miss_differs_in_what_it_says_and_nothing_else(seed: int, other: int) -> None:
    one = scene(seed)
    missed, attribute = near_miss(one, other)
    differences = [Attribute.PLACE] * (one.place is not missed.place)
    differences += [Attribute.TIME] * (one.time is not missed.time)
    for ours, theirs in zip(one.things, missed.things, strict=True):
        differences += [Attribute.KIND] * (ours.kind is not theirs.kind)
        differences += [Attribute.COLOUR] * (ours.colour is not theirs.colour)
        differences += [Attribute.SIZE] * (ours.size is not theirs.size)
    assert differences == [attribute]
    assert caption(one) != caption(missed)


def test_a_near_miss_keeps_the_purpose_or_ends_where_no_neighbour_does() -> None:
    """One thing alone has about twenty neighbours; those of the 506th held-out scene all serve others."""
    for purpose in Purpose:
        drawn = [scene(seed, purpose) for seed in range(600)]
        others = [seed for seed, one in enumerate(drawn) if near_miss(one, 0)[0].purpose is not purpose]
        assert others == ([505] if purpose is Purpose.HELD_OUT else [])


def test_a_near_miss_can_be_had_for_another_purpose() -> None:
    assert near_miss(TWO, 0, Purpose.TRAINING)[0].purpose is Purpose.TRAINING


def test_the_plain_caption() -> None:
    assert caption(TWO) == "A large orange cat and a small white star on a meadow at night."
    assert (
        caption(TWO, Language.GERMAN)
        == "Eine große orangefarbene Katze und ein kleiner weißer Stern auf einer Wiese bei Nacht."
    )


@given(seeds, st.sampled_from(Language))
def test_captions_are_different_and_all_true(seed: int, language: Language) -> None:
    one, lexicon = scene(seed), LEXICONS[language]
    told = captions(one, language)
    assert len(set(told)) == len(told) == CAPTIONS
    assert told[0] == caption(one, language)
    for text in told:
        assert any(where.casefold() in text.casefold() for where in lexicon.where[one.place])
        assert any(when.casefold() in text.casefold() for when in lexicon.when[one.time])
        for thing in one.things:
            phrases = [
                lexicon.phrase(noun, size, lexicon.colours[thing.colour])
                for noun in lexicon.kinds[thing.kind]
                for size in lexicon.sizes[thing.size]
            ]
            assert sum(phrase.casefold() in text.casefold() for phrase in phrases) >= 1


def test_an_order_is_said_only_where_it_is_kept() -> None:
    rng = random.Random(0)
    texts = {paraphrase(TWO, rng) for _ in range(300)}
    rightward = [text for text in texts if "left to right" in text]
    leftward = [text for text in texts if "right to left" in text]
    assert rightward
    assert leftward
    assert all(text.index("cat") < text.index("star") for text in rightward)
    assert all(text.index("star") < text.index("cat") for text in leftward)


def test_labels_and_objects() -> None:
    assert (label(TWO), label(TWO, Language.GERMAN)) == ("meadow", "Wiese")
    assert [thing.name for thing in objects(TWO)] == ["orange cat", "white star"]
    assert [thing.name for thing in objects(TWO, Language.GERMAN)] == ["orangefarbene Katze", "weißer Stern"]
    assert [thing.box for thing in objects(TWO)] == [CAT.box, STAR.box]
    assert CAT.box.right - CAT.box.left == pytest.approx(0.85 * 0.28)


def test_questions_and_answers() -> None:
    asked = {question.text: question.answer for question in questions(TWO)}
    assert asked["Where is this?"] == "meadow"
    assert asked["What time of day is it?"] == "night"
    assert asked["How many things are there?"] == "two"
    assert asked["What colour is the cat?"] == "orange"
    assert asked["How large is the star?"] == "small"
    assert asked["How many cats are there?"] == "one"
    assert asked["What is directly left of the white star?"] == "an orange cat"
    assert asked["What is directly right of the white star?"] == "nothing"
    assert asked["Is there an orange cat?"] == "yes"
    assert list(asked.values()).count("no") == 1


def test_answers_in_german_belong_to_the_same_questions() -> None:
    german = questions(TWO, Language.GERMAN)
    assert [question.text for question in german] == [question.text for question in questions(TWO)]
    assert Question("What is directly left of the white star?", "eine orangefarbene Katze") in german


@given(seeds)
def test_what_is_alike_is_counted_and_never_asked_for_as_if_it_were_one(seed: int) -> None:
    one = scene(seed)
    asked = {question.text: question.answer for question in questions(one)}
    for kind in {thing.kind for thing in one.things}:
        noun = LEXICONS[Language.ENGLISH].kinds[kind][0]
        count = sum(thing.kind is kind for thing in one.things)
        assert asked[f"How many {noun.many} are there?"] == ("none", "one", "two", "three", "four")[count]
        assert (f"What colour is the {noun.one}?" in asked) == (count == 1)


@pytest.mark.parametrize("language", list(Language))
def test_the_lexicons_are_complete_and_no_word_means_two_things(language: Language) -> None:
    lexicon = LEXICONS[language]
    assert (set(lexicon.kinds), set(lexicon.colours)) == (set(Kind), set(Colour))
    assert (set(lexicon.sizes), set(lexicon.places)) == (set(Size), set(Place))
    assert (set(lexicon.where), set(lexicon.times), set(lexicon.when)) == (set(Place), set(Time), set(Time))
    nouns = [noun.one for words in lexicon.kinds.values() for noun in words]
    phrases = [phrase for words in (*lexicon.where.values(), *lexicon.when.values()) for phrase in words]
    assert len(set(nouns)) == len(nouns)
    assert len(set(phrases)) == len(phrases)


def test_suites_need_no_pillow() -> None:
    code = "import sys; sys.modules['PIL'] = sys.modules['numpy'] = None; import autoflow.suites"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

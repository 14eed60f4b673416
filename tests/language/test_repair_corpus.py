"""Texts of the kinds that language models write, each with what is wrong with it and how it is mended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.language import Diagnostic, check, repair
from tests.language.corpus import Malformed, corpus

CORPUS = corpus()
_FEWEST = 150
_LEAST_SHARE = 0.95


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry.name)
def test_a_text_is_diagnosed_and_mended_as_expected(entry: Malformed) -> None:
    assert _told(check(entry.text).diagnostics) == entry.diagnostics
    repaired = repair(entry.text)
    if entry.changes is None:
        assert repaired.workflow is None
        assert _told(repaired.diagnostics) == entry.refusal
        assert all(found.line for found in repaired.diagnostics)
        return
    assert repaired.text == entry.repaired
    assert _told(repaired.changes) == entry.changes
    assert check(repaired.text).ok
    again = repair(repaired.text)
    assert (again.text, again.changes) == (repaired.text, ())


@given(st.sampled_from(CORPUS), st.sampled_from(CORPUS), st.data())
def test_pieces_of_two_texts_are_mended_soundly_or_refused_with_a_line(
    one: Malformed, other: Malformed, data: st.DataObject
) -> None:
    head = one.text[: data.draw(st.integers(0, len(one.text)))]
    between = data.draw(st.sampled_from(["", "\n", "\nFinal version:\n", "\nCorrected:\n"]))
    text = head + between + other.text[data.draw(st.integers(0, len(other.text))) :]
    repaired = repair(text)
    if repaired.workflow is None:
        assert not check(text).ok
        assert any(found.line for found in repaired.diagnostics)
        return
    assert check(repaired.text).ok
    again = repair(repaired.text)
    assert (again.text, again.changes) == (repaired.text, ())


def test_the_share_that_is_mended() -> None:
    mended = [entry for entry in CORPUS if repair(entry.text).workflow is not None]
    assert len(CORPUS) >= _FEWEST
    assert len({entry.text for entry in CORPUS}) == len(CORPUS)
    assert len(mended) >= _LEAST_SHARE * len(CORPUS), f"{len(mended)} of {len(CORPUS)} are mended"


def _told(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    return [f"{found.line} {found.code}" for found in diagnostics]

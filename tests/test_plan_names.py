"""The tools that free names mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.plans import ALIASES, How, Match, NoMatch, ToolNames
from autoflow.suites.planning import TOOLS

TOOL_NAMES = [tool.name for tool in TOOLS]
NAMES = ToolNames(TOOL_NAMES)


@pytest.mark.parametrize("name", TOOL_NAMES)
@pytest.mark.parametrize("written", ["{}", "3. `{}`", "the {} model", "- **{}**.", "Use {}"])
def test_a_name_is_found_however_it_is_decorated(name: str, written: str) -> None:
    for said in (written.format(name), written.format(name.upper()), written.format(name.replace(" ", "-"))):
        assert NAMES.find(said) == Match(said, name, How.EXACT, 1.0)


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_means_its_tool(alias: str, name: str) -> None:
    match = NAMES.find(alias)
    assert isinstance(match, Match)
    assert (match.tool, match.likeness) == (name, 1.0)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("denoise the image", "Image Denoising"),
        ("Image Denoiser", "Image Denoising"),
        ("Deblur image", "Image Deblurring"),
        ("image classifier", "Image Classification"),
        ("detect objects", "Object Detection"),
        ("Sentiment analyser", "Sentiment Analysis"),
        ("machine translator", "Machine Translation"),
        ("Summarize text", "Text Summarization"),
        ("Fill in the mask", "Fill Mask"),
        ("generate image from text", "Text to Image Generation"),
    ],
)
def test_a_name_in_other_words_is_found_by_likeness(said: str, name: str) -> None:
    match = NAMES.find(said)
    assert isinstance(match, Match)
    assert (match.tool, match.how) == (name, How.LIKENESS)


@pytest.mark.parametrize("said", ["Image", "text", "restore the image", "Mind Reading", "", "?!", "图像去噪"])
def test_a_name_that_may_mean_several_tools_or_none_is_no_match(said: str) -> None:
    match = NAMES.find(said)
    assert isinstance(match, NoMatch)
    assert len(match.nearest) == 3
    assert [likeness for _, likeness in match.nearest] == sorted(
        (likeness for _, likeness in match.nearest), reverse=True
    )


def test_an_alias_of_a_tool_that_is_not_there_means_nothing() -> None:
    assert isinstance(ToolNames(["Image Denoising"]).find("VQA"), NoMatch)


@given(st.text(max_size=200))
def test_any_text_is_a_match_or_none_and_likeness_is_a_share(said: str) -> None:
    match = NAMES.find(said)
    likenesses = [match.likeness] if isinstance(match, Match) else [likeness for _, likeness in match.nearest]
    assert all(0 <= likeness <= 1 + 1e-9 for likeness in likenesses)

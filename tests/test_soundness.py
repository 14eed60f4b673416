"""What is told of a workflow that cannot be executed."""

from __future__ import annotations

import pytest

from autoflow.errors import InvalidArgument
from autoflow.language import check
from autoflow.soundness import sound_workflow

SOUND = "Step 1:::process:::Think.:::next::Step 2\nStep 2:::terminal:::Answer."


def test_a_sound_workflow_is_given_back() -> None:
    assert sound_workflow(SOUND, "workflow") == check(SOUND).workflow


def test_errors_are_told_with_their_lines_and_what_mends_the_first() -> None:
    with pytest.raises(InvalidArgument) as caught:
        sound_workflow(SOUND.replace("next::Step 2", "next::Step 9"), "a.field", "'mine'")
    error = caught.value
    assert error.field == "a.field"
    assert error.message.startswith("'mine' cannot be executed: line 1: 'Step 1' leads to 'Step 9'")
    assert "(unknown-target); line 2: " in error.message
    assert error.fix == "Declare the step, or lead to a declared one."


def test_so_many_errors_are_told() -> None:
    broken = "\n".join(f"Step {number}:::process:::Think.:::next::Nowhere" for number in range(1, 9))
    with pytest.raises(InvalidArgument) as caught:
        sound_workflow(broken, "workflow")
    assert len(check(broken).diagnostics) > 5
    # Five, and how many more there are.
    assert caught.value.message.count("; ") == 5
    assert caught.value.message.endswith(" more")


@pytest.mark.parametrize("text", ["", "\n", "no workflow at all"])
def test_what_is_no_workflow_at_all_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="the workflow cannot be executed: "):
        sound_workflow(text, "workflow")

"""Prompts: what is asked, and how a choice is read out of words."""

from __future__ import annotations

import pytest

from autoflow import prompts
from autoflow.language import check
from autoflow.llm.base import Role
from autoflow.suites.planning import TOOLS


def test_a_design_names_goal_limit_and_tools() -> None:
    system, user = prompts.design("Plan well.", TOOLS, 7)
    assert "At most 7 steps" in system.content
    assert all(tool.name in system.content for tool in TOOLS)
    assert "Visual Question Answering (image + text to text)" in system.content
    assert "Plan well." in user.content


def test_the_example_in_the_design_prompt_is_a_sound_workflow() -> None:
    system, _ = prompts.design("", [], 8)
    lines = [line for line in system.content.splitlines() if line.startswith("Step ")]
    assert check("\n".join(lines) + "\n").diagnostics == ()


def test_an_execution_is_an_alternating_chat() -> None:
    opening = prompts.execution("Fix it.", TOOLS, "Look at it.")
    assert [message.role for message in opening] == [Role.SYSTEM, Role.USER]
    assert "Fix it." in opening[1].content
    assert "Look at it." in opening[1].content
    assert prompts.step("Go on.").role is Role.USER


def test_a_branch_lists_every_label_with_its_letter() -> None:
    user = prompts.branch("Is it good?", "No.", ["Yes", "No", "Maybe"])[-1].content
    assert user.splitlines()[-3:] == ["A. Yes", "B. No", "C. Maybe"]


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("A", 0),
        ("b", 1),
        ("B.", 1),
        ("(A)", 0),
        ("**B**", 1),
        ("A. Yes", 0),
        ("Answer: B", 1),
        ("Yes", 0),
        ("the answer is no", 1),
        ("Yes, because no model is missing", None),
        ("A. No", None),
        ("C", None),
        ("", None),
        ("A better plan is needed", None),
        ("Nothing", None),
    ],
)
def test_a_choice_is_read_or_refused_never_guessed(text: str, index: int | None) -> None:
    assert prompts.read_branch(text, ["Yes", "No"]) == index


def test_revisions_show_workflow_and_verdict() -> None:
    written, asked = prompts.revision("Step 1:::terminal:::Go\n", prompts.score_verdict(0.4))
    assert (written.role, asked.role) == (Role.ASSISTANT, Role.USER)
    assert asked.content.startswith("Score: 0.40")
    _, asked = prompts.reflection("…", 0.25, [prompts.failed_step("Step 2", "Plan: none.", 0.0)])
    assert "- Step 2 answered: Plan: none. (score 0.00)" in asked.content


def test_what_stands_in_a_value_is_never_filled_in() -> None:
    asked = prompts.relevance("$instruction", "$key", "$$", "${query}")[1].content
    assert all(word in asked for word in ("Task: $instruction\n", "$key\n", "answer: $$, ${query}\n"))


def test_a_step_without_memory_is_asked_as_the_first_one() -> None:
    assert prompts.recalling("query", TOOLS, prompts.memory_part([], prompts.missing(0, 0)), "Do it") == (
        prompts.execution("query", TOOLS, "Do it")
    )


def test_earlier_answers_stand_between_task_and_instruction() -> None:
    part = prompts.memory_part(
        [prompts.memory_entry("Step 1 #1", "Look", "noise"), prompts.memory_entry("Step 2 #1", "List", "-")],
        prompts.missing(3, 1),
    )
    assert prompts.recalling("Mend it", [], part, "Go on")[1].content == (
        "Task: Mend it\n"
        "Earlier answers that matter for this instruction:\n\n"
        "[Step 1 #1] Look\nnoise\n\n"
        "[Step 2 #1] List\n-\n\n"
        "(Earlier answers left out for lack of room: 3. "
        "Earlier answers not shown because it is not known whether they matter: 1.)\n\n"
        "Go on"
    )


@pytest.mark.parametrize(
    ("text", "picked"),
    [
        ("none", ()),
        ("None.", ()),
        ("2", (1,)),
        ("3, 1", (0, 2)),
        ("1 2;3", (0, 1, 2)),
        ("1, 1", (0,)),
        ("[1, 2]", (0, 1)),
        ("4", None),
        ("0", None),
        ("-1", None),
        ("1 and 2", None),
        ("none of 1", None),
        ("", None),
        ("²", None),
        ("99999999999999999999", None),
    ],
)
def test_numbers_are_read_or_refused_never_guessed(text: str, picked: tuple[int, ...] | None) -> None:
    assert prompts.read_selection(text, 3) == picked

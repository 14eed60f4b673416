"""Traces of events that nobody would expect."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from autoflow.cli.executions.trace import Trace
from autoflow.language import check
from autoflow.v1 import interpreter_service_pb2 as pb
from tests.cli.stories import WORKFLOW

_KINDS = [field for oneof in pb.ExecutionEvent.DESCRIPTOR.oneofs for field in oneof.fields]
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2066]")
_TEXTS = st.text(st.sampled_from("aZ 1\n\t\x1b[2J\x07\u202e\u2066é漢"), max_size=60) | st.just("Step 2")


@st.composite
def events(draw: st.DrawFn) -> pb.ExecutionEvent:
    """An event of any kind whose texts and numbers may be anything."""
    event = pb.ExecutionEvent(sequence=draw(st.integers(0, 9)))
    event.time.seconds = draw(st.integers(0, 2**32))
    kind = draw(st.sampled_from(_KINDS))
    message = getattr(event, kind.name)
    message.SetInParent()
    for field in message.DESCRIPTOR.fields:
        many = field.is_repeated
        value: Any
        if field.type == FieldDescriptor.TYPE_STRING:
            value = draw(st.lists(_TEXTS, max_size=3) if many else _TEXTS)
        elif field.type == FieldDescriptor.TYPE_ENUM:
            # Newer servers know more.
            value = draw(st.integers(0, 30))
        elif field.type == FieldDescriptor.TYPE_INT32:
            value = draw(st.integers(0, 2**31 - 1))
        else:
            continue
        if many:
            getattr(message, field.name).extend(value)
        else:
            setattr(message, field.name, value)
    return event


def printed(trace: Trace, events: list[pb.ExecutionEvent], width: int) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
    for event in events:
        for line in trace.lines(event):
            console.print(line)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@settings(max_examples=200, deadline=None)
@given(st.lists(events(), max_size=6), st.booleans(), st.booleans(), st.booleans(), st.integers(20, 200))
def test_whatever_happens_can_be_printed_and_cannot_act_on_the_terminal(
    happened: list[pb.ExecutionEvent], known: bool, calls: bool, full: bool, width: int
) -> None:
    workflow = check(WORKFLOW).workflow if known else None
    text = printed(Trace(workflow, calls=calls, full=full), happened, width)
    assert not _FORBIDDEN.search(text)


@pytest.mark.parametrize("kind", [field.name for field in _KINDS if field.name != "started"])
def test_no_kind_of_event_is_passed_over_or_merely_named(kind: str) -> None:
    event = pb.ExecutionEvent()
    message = getattr(event, kind)
    message.SetInParent()
    if "step" in message.DESCRIPTOR.fields_by_name:
        message.step = "Step 9"
    text = printed(Trace(None, calls=True), [event], 80)
    assert text.strip()
    assert f"event    {kind.replace('_', ' ')}" not in text


def test_a_text_that_is_too_long_is_cut_where_it_says_so() -> None:
    long = pb.ExecutionEvent(step_answered=pb.StepAnswered(step="Step 1", answer="x" * 401))
    assert "x… (1 more character)" in printed(Trace(None, calls=True), [long], 500)
    assert "x" * 401 in printed(Trace(None, calls=True, full=True), [long], 500)
    # Whoever watches the command that executes reads answers whole.
    assert "x" * 401 in printed(Trace(None, calls=False), [long], 500)


def test_another_branch_than_that_of_a_decision_goes_without_saying() -> None:
    workflow = check(WORKFLOW).workflow
    taken = [
        pb.ExecutionEvent(branch_taken=pb.BranchTaken(step=step, label=label, target="Step 3"))
        for step, label in (("Step 1", "next"), ("Step 2", "Yes"))
    ]
    assert printed(Trace(workflow, calls=False), taken, 80) == "  Yes → Step 3\n"


def test_why_the_protocol_is_another_one_is_told_at_once() -> None:
    started = pb.ExecutionStarted(
        protocol=pb.EXECUTION_PROTOCOL_STEPWISE, protocol_reason="'m' has neither json_schema nor tools"
    )
    text = printed(Trace(None, calls=False), [pb.ExecutionEvent(started=started)], 80)
    assert text == "stepwise: 'm' has neither json_schema nor tools\n"

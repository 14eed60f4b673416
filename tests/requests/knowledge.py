"""What the validation rules of the contracts cannot say: names that exist, texts that mean something.

A request names a run by a stand-in, and the measure puts a real name in its place: for `runs/any` one that a
caller created, for `runs/held` one that a worker holds. The fencing token `LEASE` stands for its lease's.
`executions/any` stands for one in which a person was asked, `ASKED` for the sequence of that event.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message
from hypothesis import strategies as st
from PIL import Image

from autoflow.convert import content_type_to_proto
from autoflow.suites import ContentType, suite_names, workflow_text
from autoflow.suites.planning import TOOLS
from autoflow.v1 import interpreter_service_pb2 as interpreter_pb
from autoflow.v1 import run_pb2, task_pb2, workflow_pb2
from autoflow.v1 import scorer_service_pb2 as pb
from autoflow.v1 import tool_service_pb2 as tools_pb
from tests.requests.messages import Messages
from tests.requests.registry import ALIAS, EITHER, NO_WORKFLOW, NOT_POINTED_AT, POINTED_AT, WORKFLOW
from tests.requests.suites import uploads

_TEXTS = (
    "",
    "a red ball on a meadow",
    "A small blue boat at sea.",
    "ein roter Ball",
    "東京 🙂",
    "red " * 400,
)
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
MODEL = "scripted"
ANY_RUN, HELD_RUN, NO_RUN = "runs/any", "runs/held", "runs/gone"
ANY_EXECUTION, NO_EXECUTION = "executions/any", "executions/gone"
ASKED, ANSWER = 99, "yes"
LEASE, STALE_LEASE = 1, 2**40
PAGE_TOKEN = "next"

_WORKFLOWS = (
    "Step 1:::process:::Name the input.:::next::Step 2\nStep 2:::terminal:::Write the plan.",
    "Step 1:::decision:::Is it a text?:::Yes::Step 2::No::Step 1\nStep 2:::terminal:::Answer.",
    "Step 1:::terminal:::",
    workflow_text("expert"),
)
_BROKEN = ("", "Step 1", "Step 1:::process:::Go.:::next::Step 9", "```\nStep 1:::terminal:::x\n```", "\x00")
_PLAN_METRICS = ("plan_valid", "plan_exact", "plan_f1")
_TEXT_METRICS = ("exact", "rougeL", "chrf", "bertscore")


def _mostly(usual: Any, *unusual: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * 7 + list(unusual))


def _runs(usual: str) -> Callable[[], st.SearchStrategy[str]]:
    return lambda: _mostly(usual, NO_RUN)


def _executions() -> st.SearchStrategy[str]:
    return _mostly(ANY_EXECUTION, NO_EXECUTION)


def _versions() -> st.SearchStrategy[str]:
    return _mostly(WORKFLOW, f"{WORKFLOW}@2", f"{WORKFLOW}@{ALIAS}", f"{WORKFLOW}@99", NO_WORKFLOW)


def _page_tokens() -> st.SearchStrategy[str]:
    return _mostly("", PAGE_TOKEN, "never")


def _leases() -> st.SearchStrategy[int]:
    return _mostly(LEASE, STALE_LEASE)


@st.composite
def _plan_reference(draw: st.DrawFn) -> Message:
    """A reference that does not contradict itself: any order of such tools is a plan."""
    names = draw(st.lists(st.integers(0, 99).map(lambda i: f"Tool {i}"), min_size=1, max_size=4, unique=True))
    text = task_pb2.CONTENT_TYPE_TEXT
    accepted = draw(st.lists(st.permutations(names), min_size=1, max_size=3))
    return task_pb2.PlanReference(
        tools=[task_pb2.Tool(name=name, inputs=[text], output=text) for name in names],
        inputs=[text],
        output=text,
        accepted=[task_pb2.Plan(tools=order) for order in accepted],
    )


@st.composite
def _score_outputs(draw: st.DrawFn) -> Message:
    """Pairs of one kind with metrics of it; now and then of another kind, or a picture that is none."""
    text, picture = _texts().map(_text), _pictures().map(lambda data: task_pb2.Content(image=data))
    plans = st.builds(pb.ScorePair, output=text, plan=_plan_reference())
    kinds: list[tuple[st.SearchStrategy[Any], tuple[str, ...]]] = [
        (plans, _PLAN_METRICS),
        (st.builds(pb.ScorePair, output=text, content=text), _TEXT_METRICS),
        (st.builds(pb.ScorePair, output=picture, content=text), ("clip",)),
        (st.builds(pb.ScorePair, output=text, content=picture), ("clip",)),
        (st.builds(pb.ScorePair, output=picture, content=picture), ("vit",)),
    ]
    pairs, known = draw(st.sampled_from(kinds))
    metrics = st.sampled_from([*known] * 6 + ["none", "exact", "vit"])
    options = st.builds(pb.BertScoreOptions, idf=st.booleans(), rescale_with_baseline=_mostly(False, True))
    return pb.ScoreOutputsRequest(
        pairs=draw(st.lists(pairs, min_size=1, max_size=4)),
        metrics=draw(st.lists(metrics, min_size=1, max_size=len(known), unique=True)),
        bert_score=draw(st.none() | options),
    )


@st.composite
def _call_tool(draw: st.DrawFn) -> Message:
    """A tool and samples that it takes; now and then others, or a picture that is none."""
    tool = draw(st.sampled_from(TOOLS))
    samples = st.builds(tools_pb.ToolSample, inputs=st.tuples(*[_content(kind) for kind in tool.inputs]))
    return tools_pb.CallToolRequest(
        tool=draw(_mostly(tool.name, "none")), samples=draw(st.lists(samples, min_size=1, max_size=2))
    )


@st.composite
def _execute_plan(draw: st.DrawFn) -> Message:
    """A plan and samples that it fits; now and then a plan that fits nothing."""
    tool = draw(st.sampled_from(TOOLS))
    samples = st.builds(tools_pb.ToolSample, inputs=st.tuples(*[_content(kind) for kind in tool.inputs]))
    return interpreter_pb.ExecutePlanRequest(
        plan=draw(_mostly(tool.name, "Image", "")),
        samples=draw(st.lists(samples, min_size=1, max_size=2)),
        output=content_type_to_proto(tool.output),
    )


def _content(kind: ContentType) -> st.SearchStrategy[Message]:
    pictures = _pictures().map(lambda data: task_pb2.Content(image=data))
    return _texts().map(_text) if kind is ContentType.TEXT else pictures


def _texts() -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(_TEXTS), st.text(max_size=60))


def _text(text: str) -> Message:
    return task_pb2.Content(text=text)


def _pictures() -> st.SearchStrategy[bytes]:
    return st.sampled_from([_picture(kind) for kind in _FORMATS] * 3 + [b"GIF89a", _picture("PNG")[:60]])


def _picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((24, 16)).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def _workflow() -> st.SearchStrategy[Message]:
    sources = st.one_of(*[st.just(text) for text in _WORKFLOWS] * 3, st.sampled_from(_BROKEN), st.text())
    return st.builds(workflow_pb2.Workflow, source=sources)


def _named_workflows() -> st.SearchStrategy[list[run_pb2.NamedWorkflow]]:
    """Workflows of different names; now and then two of one name, or one that is broken."""
    plain, other = (
        run_pb2.NamedWorkflow(name=name, workflow=workflow_pb2.Workflow(source=source))
        for name, source in (("plain", _WORKFLOWS[0]), ("other", _WORKFLOWS[1]))
    )
    broken = run_pb2.NamedWorkflow(name="broken", workflow=workflow_pb2.Workflow(source=_BROKEN[2]))
    return st.sampled_from([[plain], [other], [plain, other]] * 3 + [[plain, plain], [broken]])


def _candidates() -> st.SearchStrategy[int]:
    return _mostly(0, 1, 2, 256)


def _rewards() -> st.SearchStrategy[int]:
    # What a suite with a judge takes, those with accepted plans refuse.
    return _mostly(run_pb2.REWARD_UNSPECIFIED, *run_pb2.Reward.values())


KNOWLEDGE: Mapping[str, Callable[[], st.SearchStrategy[Any]]] = {
    "autoflow.v1.Workflow": _workflow,
    "autoflow.v1.PlanReference": _plan_reference,
    "autoflow.v1.ModelRef.model": lambda: st.sampled_from([MODEL] * 15 + ["none"]),
    "autoflow.v1.ModelRef.adapter": lambda: st.sampled_from([""] * 15 + ["sha256:" + "0" * 64]),
    "autoflow.v1.GenerateWorkflowsRequest.count": lambda: st.sampled_from([1, 2, 3, 256]),
    "autoflow.v1.ScoreOutputsRequest": _score_outputs,
    "autoflow.v1.CallToolRequest": _call_tool,
    "autoflow.v1.ExecutePlanRequest": _execute_plan,
    "autoflow.v1.Optimization.suite": lambda: _mostly(suite_names()[0], f"suites/{suite_names()[0]}", "none"),
    "autoflow.v1.GetSuiteRequest.name": lambda: _mostly(f"suites/{suite_names()[0]}", "suites/none"),
    "autoflow.v1.ListSuitesRequest.page_token": lambda: _mostly("", "never"),
    "autoflow.v1.Optimization.candidates": _candidates,
    "autoflow.v1.TestPlan.comparators": lambda: _mostly(
        [], [run_pb2.NamedWorkflow(name="plain", workflow=workflow_pb2.Workflow(source=_WORKFLOWS[0]))]
    ),
    "autoflow.v1.Optimization.reward": _rewards,
    "autoflow.v1.Evaluation.suite": lambda: _mostly(suite_names()[0], suite_names()[-1], "none"),
    "autoflow.v1.Evaluation.reward": _rewards,
    "autoflow.v1.Evaluation.workflows": _named_workflows,
    "autoflow.v1.ExecuteWorkflowRequest.step_tools": lambda: _mostly([], ["none"]),
    "autoflow.v1.GetExecutionRequest.name": _executions,
    "autoflow.v1.WatchExecutionRequest.name": _executions,
    "autoflow.v1.WatchExecutionRequest.from_sequence": lambda: st.integers(0, 3),
    "autoflow.v1.CancelExecutionRequest.name": _executions,
    "autoflow.v1.ResumeExecutionRequest.name": _executions,
    "autoflow.v1.ResumeExecutionRequest.question_sequence": lambda: _mostly(ASKED, 1),
    "autoflow.v1.ResumeExecutionRequest.answer": lambda: _mostly(ANSWER, "no"),
    "autoflow.v1.ListExecutionsRequest.page_token": _page_tokens,
    "autoflow.v1.ExecuteWorkflowRequest.workflow_version": lambda: _mostly(EITHER, "", WORKFLOW),
    "autoflow.v1.Measurement.value": lambda: st.builds(run_pb2.Estimate, mean=_mostly(0.5, 2.0)),
    "autoflow.v1.CreateWorkflowVersionRequest.parent": lambda: _mostly(WORKFLOW, f"workflows/{WORKFLOW}"),
    "autoflow.v1.GetWorkflowVersionRequest.name": _versions,
    "autoflow.v1.ListWorkflowVersionsRequest.parent": lambda: _mostly(WORKFLOW, NO_WORKFLOW),
    "autoflow.v1.PromoteWorkflowRequest.name": lambda: _mostly(f"{WORKFLOW}@2", f"{WORKFLOW}@99"),
    "autoflow.v1.PromoteWorkflowRequest.alias": lambda: st.just(ALIAS),
    "autoflow.v1.PromoteWorkflowRequest.expected_version": lambda: _mostly(POINTED_AT, NOT_POINTED_AT),
    "autoflow.v1.RollbackAliasRequest.name": lambda: _mostly(f"{WORKFLOW}@{ALIAS}", f"{NO_WORKFLOW}@{ALIAS}"),
    "autoflow.v1.RollbackAliasRequest.expected_version": lambda: _mostly(POINTED_AT, NOT_POINTED_AT),
    "autoflow.v1.ListAliasesRequest.parent": lambda: _mostly("", WORKFLOW, NO_WORKFLOW),
    "autoflow.v1.ListAliasChangesRequest.parent": lambda: _mostly(WORKFLOW, f"{WORKFLOW}@{ALIAS}"),
    "autoflow.v1.ListWorkflowVersionsRequest.page_token": _page_tokens,
    "autoflow.v1.ListWorkflowsRequest.page_token": _page_tokens,
    "autoflow.v1.ListAliasesRequest.page_token": _page_tokens,
    "autoflow.v1.ListAliasChangesRequest.page_token": _page_tokens,
    "autoflow.v1.GetRunRequest.name": _runs(ANY_RUN),
    "autoflow.v1.DownloadReportRequest.name": _runs(ANY_RUN),
    "autoflow.v1.WatchRunRequest.name": _runs(ANY_RUN),
    "autoflow.v1.CancelRunRequest.name": _runs(ANY_RUN),
    "autoflow.v1.ListRunsRequest.page_token": _page_tokens,
    "autoflow.v1.LeaseRunRequest.run": _runs(HELD_RUN),
    "autoflow.v1.HeartbeatRequest.run": _runs(HELD_RUN),
    "autoflow.v1.HeartbeatRequest.fencing_token": _leases,
    "autoflow.v1.CommitIterationRequest.run": _runs(HELD_RUN),
    "autoflow.v1.CommitIterationRequest.fencing_token": _leases,
    "autoflow.v1.OpenTestRequest.run": _runs(HELD_RUN),
    "autoflow.v1.OpenTestRequest.fencing_token": _leases,
    "autoflow.v1.FinishRunRequest.run": _runs(HELD_RUN),
    "autoflow.v1.FinishRunRequest.fencing_token": _leases,
}

STREAMS: Mapping[str, Callable[[], st.SearchStrategy[list[Message]]]] = {
    "autoflow.v1.TrainerService.CreateSuite": uploads,
}
"""Strategies for the requests of one call, by the full name of a method that takes a stream."""

SENSIBLE = Messages(KNOWLEDGE)
"""Requests that keep to the rules, and mostly mean something."""
ANYTHING = Messages(strict=False)
"""Whatever the types can hold."""

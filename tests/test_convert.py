from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow import convert
from autoflow.errors import FailedPrecondition
from autoflow.language import Diagnostic, Severity, StepType, check
from autoflow.llm import Capabilities, FinishReason, Sampling, Usage
from autoflow.llm.descriptions import ModelDescription, Prices
from autoflow.methods import Method
from autoflow.plans import PlanReference
from autoflow.suites import ContentType, Split, Tool, load_suite
from autoflow.v1 import model_pb2, run_pb2, task_pb2, workflow_pb2

words = st.text(st.characters(codec="utf-8"), max_size=40)
counts = st.integers(0, 2**40)
kinds = st.lists(st.sampled_from(ContentType), min_size=1, max_size=4).map(tuple)
tools = st.builds(
    Tool,
    name=words,
    description=words,
    inputs=kinds,
    output=st.sampled_from(ContentType),
    arguments_schema=words,
    idempotent=st.booleans(),
)
references = st.builds(
    PlanReference,
    tools=st.lists(tools, max_size=4).map(tuple),
    inputs=kinds,
    output=st.sampled_from(ContentType),
    accepted=st.lists(st.lists(words, max_size=4).map(tuple), max_size=4).map(tuple),
)
diagnostics = st.builds(
    Diagnostic,
    severity=st.sampled_from(Severity),
    code=words,
    line=st.integers(0, 2**31 - 1),
    column=st.integers(0, 2**31 - 1),
    message=words,
    fix=words,
)
samplings = st.builds(
    Sampling,
    temperature=st.floats(0, 2),
    max_tokens=st.integers(1, 32768),
    seed=st.integers(-(2**63), 2**63 - 1),
)
usages = st.builds(Usage, counts, counts, counts)


@given(tools)
def test_a_tool_survives_the_wire(tool: Tool) -> None:
    wire = convert.tool_to_proto(tool).SerializeToString()
    assert convert.tool_from_proto(task_pb2.Tool.FromString(wire)) == tool


@pytest.mark.parametrize("method", Method)
def test_a_method_survives_the_wire(method: Method) -> None:
    value = convert.method_to_proto(method)
    assert run_pb2.Method.Name(value) == f"METHOD_{method.name}"
    assert convert.method_from_proto(value) is method


def test_every_method_of_the_contract_is_known_and_no_other() -> None:
    assert len(Method) == len([value for value in run_pb2.Method.values() if value])
    with pytest.raises(FailedPrecondition, match="method"):
        convert.method_from_proto(run_pb2.METHOD_UNSPECIFIED)


@given(references)
def test_a_plan_reference_survives_the_wire(reference: PlanReference) -> None:
    wire = convert.plan_reference_to_proto(reference).SerializeToString()
    assert convert.plan_reference_from_proto(task_pb2.PlanReference.FromString(wire)) == reference


@given(diagnostics)
def test_a_diagnostic_survives_the_wire(diagnostic: Diagnostic) -> None:
    wire = convert.diagnostic_to_proto(diagnostic).SerializeToString()
    assert convert.diagnostic_from_proto(workflow_pb2.Diagnostic.FromString(wire)) == diagnostic


@given(samplings)
def test_sampling_survives_the_wire(sampling: Sampling) -> None:
    wire = convert.sampling_to_proto(sampling).SerializeToString()
    assert convert.sampling_from_proto(model_pb2.SamplingParams.FromString(wire), max_tokens=7) == sampling


@given(usages)
def test_usage_survives_the_wire(usage: Usage) -> None:
    wire = convert.usage_to_proto(usage).SerializeToString()
    assert convert.usage_from_proto(model_pb2.TokenUsage.FromString(wire)) == usage


def test_every_finish_reason_survives() -> None:
    for reason in FinishReason:
        assert convert.finish_reason_from_proto(convert.finish_reason_to_proto(reason)) is reason


def test_sampling_that_is_unset_is_greedy_with_the_services_own_limit() -> None:
    assert convert.sampling_from_proto(model_pb2.SamplingParams(), max_tokens=640) == Sampling(0.0, 640, 0)


def test_a_workflow_carries_its_source_its_digest_and_its_steps() -> None:
    source = "```\nStep 1:::decision:::Good?:::Yes::step 2:::No::Step 1\nStep 2:::terminal:::Say so\n```"
    workflow = check(source).workflow
    assert workflow is not None

    message = convert.workflow_to_proto(source, workflow)

    assert message.source == source
    assert message.digest == workflow.digest
    assert [step.type for step in message.steps] == [
        workflow_pb2.STEP_TYPE_DECISION,
        workflow_pb2.STEP_TYPE_TERMINAL,
    ]
    assert [(branch.label, branch.target) for branch in message.steps[0].branches] == [
        ("Yes", "Step 2"),
        ("No", "Step 1"),
    ]
    assert convert.workflow_from_proto(message) == workflow


def test_a_text_without_steps_has_neither_digest_nor_steps() -> None:
    message = convert.workflow_to_proto("hello", None)
    assert message == workflow_pb2.Workflow(source="hello")
    assert convert.workflow_from_proto(message) is None


@pytest.mark.parametrize(
    ("domain", "wire"),
    [
        (ContentType, task_pb2.ContentType),
        (StepType, workflow_pb2.StepType),
        (Severity, workflow_pb2.Severity),
        (FinishReason, model_pb2.FinishReason),
    ],
)
def test_each_enum_of_the_contracts_says_what_the_librarys_says(domain: Iterable[StrEnum], wire: Any) -> None:
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", wire.DESCRIPTOR.name).upper() + "_"
    spelled = {name.removeprefix(prefix).lower() for name, _ in wire.items()} - {"unspecified"}
    assert spelled == {str(value) for value in domain}


def test_the_built_in_suites_references_keep_their_scores_over_the_wire() -> None:
    suite = load_suite("planning")
    for task in suite.tasks(Split.VALIDATION)[:10]:
        reference = PlanReference(suite.tools, task.inputs, task.output, task.accepted)
        assert convert.plan_reference_from_proto(convert.plan_reference_to_proto(reference)) == reference


flags = st.booleans()
capabilities = st.builds(
    Capabilities,
    **{field.name: flags for field in fields(Capabilities) if field.name != "max_n"},
    max_n=st.integers(1, 128),
)
dollars = st.floats(0, 1000)
models = st.builds(
    ModelDescription,
    name=words,
    provider=words,
    capabilities=capabilities,
    context_tokens=counts,
    prices=st.none() | st.builds(Prices, dollars, dollars, dollars),
    unavailable_reason=words,
)


@given(models)
def test_all_that_is_stated_about_a_model_is_on_the_wire(model: ModelDescription) -> None:
    message = model_pb2.Model.FromString(convert.model_to_proto(model).SerializeToString())
    assert {
        field.name: getattr(message.capabilities, field.name) for field in fields(Capabilities)
    } == asdict(model.capabilities)
    prices = message.prices
    wired = Prices(
        prompt=prices.prompt_usd_per_million,
        cached=prices.cached_prompt_usd_per_million,
        completion=prices.completion_usd_per_million,
    )
    assert (wired if message.HasField("prices") else None) == model.prices
    for name in ("name", "provider", "context_tokens", "unavailable_reason"):
        assert getattr(message, name) == getattr(model, name)

"""Messages of the contracts and values of the library, one into the other.

Only what several parts need is here; what one service alone says (an execution's events, a run) it converts
itself. Values that came over the wire were validated before: an unset enum here is a programming error.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from autoflow.errors import FailedPrecondition
from autoflow.language import Branch, Diagnostic, Severity, Step, StepType, Workflow
from autoflow.llm import Capabilities, FinishReason, Sampling, Usage
from autoflow.llm.descriptions import ModelDescription, Prices
from autoflow.methods import Method, Reward
from autoflow.plans import PlanReference
from autoflow.suites import Content, ContentType, Split, Tool
from autoflow.v1 import model_pb2, run_pb2, task_pb2, workflow_pb2

_K = TypeVar("_K")
_V = TypeVar("_V")


def _inverse(table: Mapping[_K, _V]) -> Mapping[_V, _K]:
    return MappingProxyType({value: key for key, value in table.items()})


_CONTENT_TYPES: Mapping[ContentType, task_pb2.ContentType.ValueType] = MappingProxyType(
    {
        ContentType.IMAGE: task_pb2.CONTENT_TYPE_IMAGE,
        ContentType.TEXT: task_pb2.CONTENT_TYPE_TEXT,
    }
)
_CONTENT_TYPES_BACK = _inverse(_CONTENT_TYPES)

_SPLITS: Mapping[Split, task_pb2.Split.ValueType] = MappingProxyType(
    {
        Split.TRAIN: task_pb2.SPLIT_TRAIN,
        Split.VALIDATION: task_pb2.SPLIT_VALIDATION,
        Split.TEST: task_pb2.SPLIT_TEST,
    }
)
_SPLITS_BACK = _inverse(_SPLITS)

_STEP_TYPES: Mapping[StepType, workflow_pb2.StepType.ValueType] = MappingProxyType(
    {
        StepType.PROCESS: workflow_pb2.STEP_TYPE_PROCESS,
        StepType.DECISION: workflow_pb2.STEP_TYPE_DECISION,
        StepType.TERMINAL: workflow_pb2.STEP_TYPE_TERMINAL,
    }
)
_STEP_TYPES_BACK = _inverse(_STEP_TYPES)

_SEVERITIES: Mapping[Severity, workflow_pb2.Severity.ValueType] = MappingProxyType(
    {
        Severity.ERROR: workflow_pb2.SEVERITY_ERROR,
        Severity.WARNING: workflow_pb2.SEVERITY_WARNING,
        Severity.INFO: workflow_pb2.SEVERITY_INFO,
    }
)
_SEVERITIES_BACK = _inverse(_SEVERITIES)

_FINISH_REASONS: Mapping[FinishReason, model_pb2.FinishReason.ValueType] = MappingProxyType(
    {
        FinishReason.STOP: model_pb2.FINISH_REASON_STOP,
        FinishReason.LENGTH: model_pb2.FINISH_REASON_LENGTH,
        FinishReason.CONTENT_FILTER: model_pb2.FINISH_REASON_CONTENT_FILTER,
    }
)
_FINISH_REASONS_BACK = _inverse(_FINISH_REASONS)

_METHODS: Mapping[Method, run_pb2.Method.ValueType] = MappingProxyType(
    {
        Method.REINFORCE: run_pb2.METHOD_REINFORCE,
        Method.RLOO: run_pb2.METHOD_RLOO,
        Method.RAFT: run_pb2.METHOD_RAFT,
        Method.HISTORY: run_pb2.METHOD_HISTORY,
        Method.REFLECTIVE: run_pb2.METHOD_REFLECTIVE,
        Method.RANDOM: run_pb2.METHOD_RANDOM,
    }
)
_METHODS_BACK = _inverse(_METHODS)

_REWARDS: Mapping[Reward, run_pb2.Reward.ValueType] = MappingProxyType(
    {
        Reward.PLAN: run_pb2.REWARD_PLAN,
        Reward.EXECUTED: run_pb2.REWARD_EXECUTED,
        Reward.JUDGED: run_pb2.REWARD_JUDGED,
    }
)
_REWARDS_BACK = _inverse(_REWARDS)


def content_type_to_proto(kind: ContentType) -> task_pb2.ContentType.ValueType:
    """The kind of a piece of content, as the contract's."""
    return _CONTENT_TYPES[kind]


def content_type_from_proto(kind: task_pb2.ContentType.ValueType) -> ContentType:
    """The kind of a piece of content from the contract's."""
    return _CONTENT_TYPES_BACK[kind]


def split_to_proto(split: Split) -> task_pb2.Split.ValueType:
    """A split, as the contract's."""
    return _SPLITS[split]


def split_from_proto(split: task_pb2.Split.ValueType) -> Split:
    """A split from the contract's."""
    return _SPLITS_BACK[split]


def content_to_proto(content: Content) -> task_pb2.Content:
    """A piece of content as a message."""
    return task_pb2.Content(text=content) if isinstance(content, str) else task_pb2.Content(image=content)


def content_from_proto(message: task_pb2.Content) -> Content:
    """A piece of content from its message."""
    return message.text if message.WhichOneof("content") == "text" else message.image


def tool_to_proto(tool: Tool) -> task_pb2.Tool:
    """A tool as a message."""
    return task_pb2.Tool(
        name=tool.name,
        description=tool.description,
        inputs=[_CONTENT_TYPES[kind] for kind in tool.inputs],
        output=_CONTENT_TYPES[tool.output],
        arguments_schema=tool.arguments_schema,
        idempotent=tool.idempotent,
    )


def tool_from_proto(message: task_pb2.Tool) -> Tool:
    """A tool from its message."""
    return Tool(
        name=message.name,
        description=message.description,
        inputs=tuple(_CONTENT_TYPES_BACK[kind] for kind in message.inputs),
        output=_CONTENT_TYPES_BACK[message.output],
        arguments_schema=message.arguments_schema,
        idempotent=message.idempotent,
    )


def plan_reference_to_proto(reference: PlanReference) -> task_pb2.PlanReference:
    """What a right plan is, as a message."""
    return task_pb2.PlanReference(
        tools=[tool_to_proto(tool) for tool in reference.tools],
        inputs=[_CONTENT_TYPES[kind] for kind in reference.inputs],
        output=_CONTENT_TYPES[reference.output],
        accepted=[task_pb2.Plan(tools=plan) for plan in reference.accepted],
    )


def plan_reference_from_proto(message: task_pb2.PlanReference) -> PlanReference:
    """What a right plan is, from its message."""
    return PlanReference(
        tools=tuple(tool_from_proto(tool) for tool in message.tools),
        inputs=tuple(_CONTENT_TYPES_BACK[kind] for kind in message.inputs),
        output=_CONTENT_TYPES_BACK[message.output],
        accepted=tuple(tuple(plan.tools) for plan in message.accepted),
    )


def method_to_proto(method: Method) -> run_pb2.Method.ValueType:
    """A method as the contract has it."""
    return _METHODS[method]


def method_from_proto(value: run_pb2.Method.ValueType) -> Method:
    """A method from the contract.

    Raises:
        FailedPrecondition: it is one of a later contract; a run may outlive the release that began it.
    """
    if value not in _METHODS_BACK:
        raise FailedPrecondition("the run asks for a method that is not known here")
    return _METHODS_BACK[value]


def reward_to_proto(reward: Reward | None) -> run_pb2.Reward.ValueType:
    """A reward as the contract has it; None is the request's default."""
    return run_pb2.REWARD_UNSPECIFIED if reward is None else _REWARDS[reward]


def reward_from_proto(value: run_pb2.Reward.ValueType) -> Reward | None:
    """A reward from the contract; None where the request leaves it to its default.

    Raises:
        FailedPrecondition: it is one of a later contract; a run may outlive the release that began it.
    """
    if value == run_pb2.REWARD_UNSPECIFIED:
        return None
    if value not in _REWARDS_BACK:
        raise FailedPrecondition("the run asks for a reward that is not known here")
    return _REWARDS_BACK[value]


def workflow_to_proto(source: str, workflow: Workflow | None) -> workflow_pb2.Workflow:
    """A text and what it parses to.

    Args:
        source: the text, exactly as it was written.
        workflow: what the parser read in it; None where no line is a step.
    """
    message = workflow_pb2.Workflow(source=source)
    if workflow is not None:
        message.digest = workflow.digest
        # Made in their place: a message that is made by itself is copied, at twice the cost of the whole.
        for step in workflow.steps:
            made = message.steps.add(
                name=step.name, type=_STEP_TYPES[step.type], instruction=step.instruction
            )
            for branch in step.branches:
                made.branches.add(label=branch.label, target=branch.target)
    return message


def workflow_from_proto(message: workflow_pb2.Workflow) -> Workflow | None:
    """The parsed steps of a message that a server made; None where it has none.

    Raises:
        ValueError: the steps are none of a parsed workflow.
    """
    steps = tuple(_step_from_proto(step) for step in message.steps)
    return Workflow(steps) if steps else None


def _step_from_proto(message: workflow_pb2.Step) -> Step:
    return Step(
        name=message.name,
        type=_STEP_TYPES_BACK[message.type],
        instruction=message.instruction,
        branches=tuple(Branch(branch.label, branch.target) for branch in message.branches),
    )


def diagnostic_to_proto(diagnostic: Diagnostic) -> workflow_pb2.Diagnostic:
    """A finding as a message."""
    return workflow_pb2.Diagnostic(
        severity=_SEVERITIES[diagnostic.severity],
        code=diagnostic.code,
        line=diagnostic.line,
        column=diagnostic.column,
        message=diagnostic.message,
        fix=diagnostic.fix,
    )


def diagnostic_from_proto(message: workflow_pb2.Diagnostic) -> Diagnostic:
    """A finding from its message."""
    return Diagnostic(
        severity=_SEVERITIES_BACK[message.severity],
        code=message.code,
        line=message.line,
        column=message.column,
        message=message.message,
        fix=message.fix,
    )


def sampling_to_proto(sampling: Sampling) -> model_pb2.SamplingParams:
    """How tokens are drawn, as a message."""
    return model_pb2.SamplingParams(
        temperature=sampling.temperature, max_tokens=sampling.max_tokens, seed=sampling.seed
    )


def sampling_from_proto(message: model_pb2.SamplingParams, *, max_tokens: int) -> Sampling:
    """How tokens are drawn, from a message that may be unset.

    Args:
        message: what was asked for.
        max_tokens: the service's own limit, for a request that gives none.
    """
    return Sampling(message.temperature, message.max_tokens or max_tokens, message.seed)


def usage_to_proto(usage: Usage) -> model_pb2.TokenUsage:
    """A cost as a message."""
    return model_pb2.TokenUsage(
        llm_calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_prompt_tokens=usage.cached_prompt_tokens,
        cost_usd=usage.cost_usd,
    )


def usage_from_proto(message: model_pb2.TokenUsage) -> Usage:
    """A cost from its message."""
    return Usage(
        calls=message.llm_calls,
        prompt_tokens=message.prompt_tokens,
        completion_tokens=message.completion_tokens,
        cached_prompt_tokens=message.cached_prompt_tokens,
        cost_usd=message.cost_usd,
    )


def model_to_proto(model: ModelDescription) -> model_pb2.Model:
    """A model of a catalogue as a message."""
    return model_pb2.Model(
        name=model.name,
        provider=model.provider,
        context_tokens=model.context_tokens,
        capabilities=_capabilities_to_proto(model.capabilities),
        prices=None if model.prices is None else _prices_to_proto(model.prices),
        unavailable_reason=model.unavailable_reason,
    )


def _capabilities_to_proto(can: Capabilities) -> model_pb2.ModelCapabilities:
    return model_pb2.ModelCapabilities(
        grammar=can.grammar,
        choice=can.choice,
        json_schema=can.json_schema,
        tools=can.tools,
        seed=can.seed,
        stop=can.stop,
        log_probs=can.log_probs,
        token_ids=can.token_ids,
        adapters=can.adapters,
        max_n=can.max_n,
    )


def _prices_to_proto(prices: Prices) -> model_pb2.ModelPrices:
    return model_pb2.ModelPrices(
        prompt_usd_per_million=prices.prompt,
        cached_prompt_usd_per_million=prices.cached,
        completion_usd_per_million=prices.completion,
    )


def finish_reason_to_proto(reason: FinishReason) -> model_pb2.FinishReason.ValueType:
    """Why a completion ended, as an enum of the contracts."""
    return _FINISH_REASONS[reason]


def finish_reason_from_proto(value: model_pb2.FinishReason.ValueType) -> FinishReason:
    """Why a completion ended, from the enum of the contracts."""
    return _FINISH_REASONS_BACK[value]

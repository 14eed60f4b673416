"""The shipped model: its size, its format, and that it plays both roles."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import pytest
from transformers import AutoConfig

from autoflow import prompts
from autoflow.client import Client
from autoflow.convert import tool_to_proto
from autoflow.language import check
from autoflow.llm import tiny
from autoflow.llm.base import Role
from autoflow.llm.local.chat import ChatTokenizer
from autoflow.llm.tiny.corpus.samples import Corpus
from autoflow.llm.tiny.train import TrainingSettings, encode
from autoflow.plans import PlanReference, plan_f1, plan_valid
from autoflow.suites import Split, load_suite, workflow_text
from autoflow.testing import in_process
from autoflow.v1 import generator_service_pb2, interpreter_service_pb2, model_pb2, workflow_pb2

SUITE = load_suite("planning")
MODEL = model_pb2.ModelRef(model=tiny.NAME)
TOOLS = [tool_to_proto(tool) for tool in SUITE.tools]


def test_the_weights_are_small_and_the_context_is_as_promised() -> None:
    safetensors = list(tiny.path().glob("*.safetensors"))
    assert len(safetensors) == 1
    assert 1_000_000 < safetensors[0].stat().st_size <= 12 * 1024 * 1024
    assert AutoConfig.from_pretrained(tiny.path()).max_position_embeddings == 1_024


def test_the_training_command_makes_the_shipped_model() -> None:
    recorded = json.loads((tiny.path() / "training.json").read_text())
    settings = asdict(TrainingSettings())
    assert {name: recorded[name] for name in settings} == settings


@pytest.mark.parametrize("kind", ["execution", "branch", "design", "revision", "reflection"])
def test_a_chat_is_trained_on_as_the_provider_renders_it(kind: str) -> None:
    chat = ChatTokenizer.load(tiny.path())
    corpus = Corpus(5)
    for _ in range(10):
        sample = corpus.make(kind)
        ids, labels = encode(sample, chat.tokenizer)  # type: ignore[arg-type]
        last = sample.messages[-1]
        assert last.role is Role.ASSISTANT
        prompt = chat.prompt_ids(sample.messages[:-1])
        assert ids == [*prompt, *chat.ids(last.content), chat.tokenizer.eos_token_id]
        assert labels[len(prompt) :] == ids[len(prompt) :]


async def test_every_sample_that_is_not_cut_off_is_a_valid_workflow(tmp_path: Path) -> None:
    request = generator_service_pb2.GenerateWorkflowsRequest(
        model=MODEL,
        goal=SUITE.goal,
        tools=TOOLS,
        count=16,
        sampling=model_pb2.SamplingParams(temperature=1.0, max_tokens=384, seed=100),
    )
    async with (
        in_process({"AUTOFLOW_ARTIFACTS": str(tmp_path)}, ["generator"]) as system,
        Client.of(system.addresses) as client,
    ):
        events = [event async for event in client.generator.generate_workflows(request)]
    candidates = [event.candidate for event in events if event.HasField("candidate")]
    whole = [each for each in candidates if each.finish_reason == model_pb2.FINISH_REASON_STOP]
    assert len(candidates) == 16
    assert len(whole) >= 12
    assert all(each.valid and check(each.workflow.source).diagnostics == () for each in whole)
    assert len({each.workflow.digest for each in whole}) == len(whole)


@pytest.mark.parametrize(
    ("name", "metric", "least"), [("expert", plan_f1, 0.6), ("baseline", plan_valid, 0.7)]
)
async def test_it_carries_out_hand_written_workflows(
    tmp_path: Path, name: str, metric: Callable[[str, PlanReference], float], least: float
) -> None:
    tasks = SUITE.stratified(Split.TEST, 10, 0)
    scores = []
    async with (
        in_process({"AUTOFLOW_ARTIFACTS": str(tmp_path)}, ["interpreter"]) as system,
        Client.of(system.addresses) as client,
    ):
        for task in tasks:
            request = interpreter_service_pb2.ExecuteWorkflowRequest(
                workflow=workflow_pb2.Workflow(source=workflow_text(name)),
                query=task.query,
                tools=TOOLS,
                model=MODEL,
            )
            events = [event async for event in client.interpreter.execute_workflow(request)]
            reference = PlanReference(SUITE.tools, task.inputs, task.output, task.accepted)
            scores.append(metric(events[-1].finished.answer, reference))
    assert sum(scores) / len(scores) >= least


def test_a_refinement_fits_the_context() -> None:
    chat = ChatTokenizer.load(tiny.path())
    lengths = [len(encode(sample, chat.tokenizer)[0]) for sample in islice(Corpus(9), 400)]  # type: ignore[arg-type]
    assert max(lengths) <= 1_024
    assert len(chat.prompt_ids(prompts.design(SUITE.goal, SUITE.tools, 8))) < 100

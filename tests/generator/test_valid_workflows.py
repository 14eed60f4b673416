"""What `benchmarks.valid_workflows` measures, on less: no invalid workflow ever passes for valid."""

from __future__ import annotations

import pytest

from autoflow import prompts
from autoflow.convert import sampling_to_proto
from autoflow.language import check, decoding_grammar, lark_grammar
from autoflow.llm import FinishReason, Grammar, Sampling
from autoflow.llm.catalogue import default_catalogue
from autoflow.llm.draws import draw
from autoflow.v1 import generator_service_pb2 as pb
from autoflow.v1 import model_pb2
from benchmarks.valid_workflows import embedded, from_endpoint, generating, malformed

SAMPLES = 4
CASES = 30


@pytest.mark.parametrize("grammar", [True, False])
async def test_the_embedded_model(grammar: bool) -> None:
    pytest.importorskip("torch")
    found = await embedded(SAMPLES, grammar=grammar)
    assert found.candidates == SAMPLES
    assert found.wrongly_valid == 0
    if grammar:
        assert found.as_drawn == SAMPLES - found.truncated > 0


async def test_without_mending_candidates_are_the_draws_to_the_letter() -> None:
    """A policy gradient learns from the tokens of the prompt and of each draw, and how likely they were."""
    pytest.importorskip("torch")
    catalogue = default_catalogue({"AUTOFLOW_PRELOAD_MODELS": "none"})
    sampling = Sampling(temperature=1.0, max_tokens=60, seed=9, log_probs=True)
    grammar = Grammar(decoding_grammar(4), lark_grammar(4))
    request = pb.GenerateWorkflowsRequest(
        model=model_pb2.ModelRef(model="embedded"),
        goal="Plan",
        count=SAMPLES,
        max_steps=4,
        sampling=sampling_to_proto(sampling),
        mending=pb.MENDING_NONE,
    )
    async with generating(catalogue) as client:
        started, *others = [event async for event in client.generate_workflows(request)]
        model = await catalogue.get("embedded")
        drawing = draw(model, prompts.design("Plan", (), 4), sampling, SAMPLES, constraint=grammar)
        draws = {index: completion async for index, completion in drawing}

    assert len(others) == SAMPLES
    for candidate in (event.candidate for event in others):
        drawn = draws[candidate.index]
        assert candidate.workflow.source == candidate.raw_text == drawn.text
        assert tuple(candidate.token_ids) == drawn.token_ids
        assert list(candidate.log_probs) == pytest.approx(drawn.log_probs, abs=1e-4)
        assert tuple(started.started.prompt_token_ids) == drawn.prompt_token_ids
        assert candidate.valid is (drawn.finish_reason is FinishReason.STOP and check(drawn.text).ok)
        assert not candidate.changes
        assert not candidate.drafts


@pytest.mark.parametrize(
    ("mending", "corrections", "least"), [("none", 0, 0.0), ("repair", 0, 0.9), ("correct", 8, 0.95)]
)
async def test_malformed_texts_of_a_model_that_takes_a_schema(
    mending: str, corrections: int, least: float
) -> None:
    found = await malformed(mending, corrections, as_json=True, seed=1)
    assert found.wrongly_valid == 0
    assert found.valid >= least * found.candidates
    assert (found.corrected > 0) is (mending == "correct")
    assert (found.repaired > 0) is (mending != "none")


async def test_an_endpoint_that_fails_a_fifth_of_its_calls_changes_no_candidate() -> None:
    sound, calls, _ = await from_endpoint(0.0, CASES, seed=1)
    failing, more_calls, _ = await from_endpoint(0.2, CASES, seed=1)
    assert more_calls > calls
    assert failing == sound
    assert sum(candidate.valid for candidate in sound) >= 0.95 * CASES

"""The metrics that need no model, and the list of metrics, over a real channel."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from autoflow.client import Client, errors
from autoflow.testing import serving
from autoflow.v1 import scorer_service_pb2 as pb
from autoflow.v1.scorer_service_pb2 import REFERENCE_TYPE_PLAN, REFERENCE_TYPE_TEXT
from autoflow.v1.task_pb2 import CONTENT_TYPE_TEXT, Content
from autoflow_scorer import build
from autoflow_scorer.metrics.simple import rouge_l


async def score(metric: str, *pairs: tuple[str, str]) -> list[float]:
    request = pb.ScoreOutputsRequest(
        pairs=[
            pb.ScorePair(output=Content(text=output), content=Content(text=reference))
            for output, reference in pairs
        ],
        metrics=[metric],
    )
    async with serving(build({})) as address, Client(scorer=address) as client:
        response = await client.scorer.score_outputs(request)
    return list(response.scores[0].values)


async def test_exact_ignores_the_white_space_around_a_text_and_its_unicode_form() -> None:
    pairs = [
        ("A dog.", "A dog."),
        (" A dog.\n", "A dog."),
        ("Caf\u00e9", "Cafe\u0301"),
        ("a dog.", "A dog."),
        ("", ""),
    ]
    assert await score("exact", *pairs) == [1, 1, 1, 0, 1]


async def test_rouge_l_is_the_f1_of_the_longest_common_subsequence() -> None:
    # `the cat the mat` is common: 4 of 6 words on one side, 4 of 5 on the other.
    scores = await score("rougeL", ("the cat sat on the mat", "the cat near the mat"), ("a", "b"), ("", "a"))
    assert scores == pytest.approx([2 * 4 / (6 + 5), 0, 0])


@given(st.lists(st.sampled_from("abc"), max_size=60), st.lists(st.sampled_from("abcd"), max_size=60))
def test_rouge_l_is_that_of_rouge_score(one: list[str], other: list[str]) -> None:
    wanted, mine = " ".join(one), " ".join(other)
    scored = RougeScorer(["rougeL"], split_summaries=False).score(wanted, mine)["rougeL"]
    assert rouge_l(mine, wanted) == pytest.approx(scored.fmeasure)


def test_rouge_l_of_long_texts_makes_no_table_of_all_pairs_of_words() -> None:
    words = [str(number % 500) for number in range(4_000)]
    tracemalloc.start()
    try:
        assert rouge_l(" ".join(words), " ".join(words[1:])) == pytest.approx(1, abs=1e-3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20  # A table would take 128 MB.


async def test_rouge_l_reads_words_of_any_script() -> None:
    pairs = [("Größe und Wärme", "größe oder Wärme"), ("красный мяч", "красный мяч"), ("snake_case", "case")]
    assert await score("rougeL", *pairs) == pytest.approx([2 / 3, 1, 2 / 3])


async def test_rouge_l_is_that_of_the_library_for_english() -> None:
    texts = [
        "The red ball, a tree and 3 cars!",
        "A red ball; two trees and 3 cars",
        "It's the U.S. team's ball.",
    ]
    plain = RougeScorer(["rougeL"])
    pairs = [(output, reference) for output in texts for reference in texts]
    expected = [plain.score(reference, output)["rougeL"].fmeasure for output, reference in pairs]
    assert await score("rougeL", *pairs) == pytest.approx(expected)


async def test_chrf_counts_character_n_grams() -> None:
    # `abc` against `abd`: 2 of 3 characters, 1 of 2 pairs and no triple are common.
    scores = await score("chrf", ("abc", "abd"), ("abc", "abc"), ("xyz", "abc"))
    assert scores == pytest.approx([(2 / 3 + 1 / 2 + 0) / 3, 1, 0])


async def test_a_metric_refuses_a_pair_that_it_does_not_compare() -> None:
    with pytest.raises(errors.InvalidArgument, match="does not compare text with text") as refused:
        await score("plan_f1", ("a", "b"))
    assert [violation.field for violation in refused.value.details.violations] == ["pairs[0]"]


async def test_the_list_says_what_each_metric_compares() -> None:
    async with serving(build({})) as address, Client(scorer=address) as client:
        metrics = (await client.scorer.list_metrics(pb.ListMetricsRequest())).metrics

    assert [metric.name for metric in metrics] == sorted(metric.name for metric in metrics)
    by_name = {metric.name: metric for metric in metrics}
    text = pb.Metric.Comparison(output=CONTENT_TYPE_TEXT, reference=REFERENCE_TYPE_TEXT)
    plan = pb.Metric.Comparison(output=CONTENT_TYPE_TEXT, reference=REFERENCE_TYPE_PLAN)
    for name, comparison in (("exact", text), ("rougeL", text), ("chrf", text), ("plan_f1", plan)):
        assert list(by_name[name].comparisons) == [comparison]
        assert by_name[name].available
        assert (by_name[name].minimum, by_name[name].maximum) == (0, 1)
        assert by_name[name].description

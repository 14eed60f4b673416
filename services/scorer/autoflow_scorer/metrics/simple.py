"""Metrics that are a function of a pair, computed in slices in a thread.

Between slices other requests have their turn, and a cancelled request stops.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from rapidfuzz.distance import LCSseq

from autoflow.plans import PlanReference, plan_exact, plan_f1, plan_valid
from autoflow.suites import ContentType
from autoflow_scorer.batching import Caller
from autoflow_scorer.metrics.base import (
    Column,
    Comparison,
    MetricDescription,
    Options,
    Pair,
    ReferenceType,
    Status,
)
from autoflow_scorer.metrics.slicing import slices

Reference = TypeVar("Reference", str, PlanReference)

_SLICE_PAIRS = 64
_SLICE_CHARACTERS = 200_000
"""After which a slice ends: the longest texts take a second."""
_WORD = re.compile(r"[^\W_]+")


class SimpleMetric:
    """A metric that is a function.

    Args:
        description: what it measures.
        function: of an output and a reference of the kinds that the description names.
    """

    def __init__(self, description: MetricDescription, function: Callable[[Any, Any], float]) -> None:
        self.description = description
        self._function = function

    def status(self) -> Status:
        """Always available."""
        return Status()

    async def score(self, pairs: Sequence[Pair], options: Options, caller: Caller) -> Column:
        """Scores pairs; see `Metric`."""
        values: list[float] = []
        for some in slices(pairs, _characters, _SLICE_CHARACTERS, _SLICE_PAIRS):
            values += await asyncio.to_thread(self._score, some)
        return Column(values)

    def _score(self, pairs: Sequence[Pair]) -> list[float]:
        return [self._function(pair.output, pair.reference) for pair in pairs]


def _characters(pair: Pair) -> int:
    return len(pair.output) + (len(pair.reference) if isinstance(pair.reference, str) else 0)


def plan_metrics() -> list[SimpleMetric]:
    """`plan_valid`, `plan_exact` and `plan_f1`, of `autoflow.plans`."""
    return [
        _plan("plan_valid", "Whether the plan's types fit from the task's inputs to its output.", plan_valid),
        _plan("plan_exact", "Whether the plan is one of those that are accepted.", plan_exact),
        _plan(
            "plan_f1",
            "F1 of the plan's tools against the nearest accepted plan; 0 if it is not valid.",
            plan_f1,
        ),
    ]


def text_metrics() -> list[SimpleMetric]:
    """`exact`, `rougeL` and `chrf`, which compare two texts without a model."""
    return [
        _text(
            "exact", "Whether the texts are equal, white space around them and Unicode's form apart.", _exact
        ),
        _text(
            "rougeL", "F1 of the longest common subsequence of words, without stemming (Lin, 2004).", rouge_l
        ),
        _text("chrf", "F2 of character n-grams up to 6 (Popović, 2015).", _chrf),
    ]


def _plan(name: str, summary: str, function: Callable[[str, PlanReference], float]) -> SimpleMetric:
    comparison = Comparison(ContentType.TEXT, ReferenceType.PLAN)
    return SimpleMetric(MetricDescription(name, summary, (comparison,)), function)


def _text(name: str, summary: str, function: Callable[[str, str], float]) -> SimpleMetric:
    comparison = Comparison(ContentType.TEXT, ReferenceType.TEXT)
    return SimpleMetric(MetricDescription(name, summary, (comparison,)), function)


def _exact(output: str, reference: str) -> float:
    return float(_normal(output) == _normal(reference))


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def rouge_l(output: str, reference: str) -> float:
    """2 LCS / (m + n), which is the F1 of LCS / m and LCS / n, the precision and recall of Lin 2004, §3."""
    mine, wanted = _words(output), _words(reference)
    return 2 * LCSseq.similarity(wanted, mine) / max(1, len(mine) + len(wanted))


def _words(text: str) -> list[str]:
    """Words of any script; `rouge-score` knows the letters a to z alone, and splits German words apart."""
    return _WORD.findall(text.casefold())


def _chrf(output: str, reference: str) -> float:
    return cast("float", _chrf_scorer().sentence_score(output, [reference]).score) / 100


# The library takes its time to import, which a scorer of plans need not wait for.
@cache
def _chrf_scorer() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()

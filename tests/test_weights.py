"""Models that are loaded at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from autoflow.llm import tiny
from autoflow.llm.local import LocalModel
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.text import TextEncoder
from autoflow_scorer.towers import path


def test_models_that_are_loaded_at_once_all_have_their_weights() -> None:
    linears = Linears.probe("cpu")

    def load(number: int) -> bool:
        if number % 2:
            return bool(TextEncoder.load(path("text"), linears).tokenize(["a ball"]))
        return LocalModel.load(tiny.NAME, tiny.path()).name == tiny.NAME

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(load, range(8)))

"""The page of a matrix."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from autoflow.suites import Split
from autoflow_worker.flags import Flag, FlagKind
from autoflow_worker.ledger import Ledger
from autoflow_worker.matrix.page import page
from autoflow_worker.matrix.results import PairingResult
from autoflow_worker.matrix.spec import ModelName
from autoflow_worker.statistics import Estimate
from tests.worker.doubles import suite, workflow
from tests.worker.matrix.matrices import matrix

HOSTILE = '<script>alert(1)</script> & "quotes"'


def found() -> list[PairingResult]:
    """Two pairings, of which one has found nothing."""
    good = PairingResult(
        ModelName("g0"),
        ModelName("i0"),
        workflow(HOSTILE),
        0.75,
        Estimate(0.625, 0.5, 0.75),
        valid_rate=0.5,
        drawn=8,
        missing=1,
        spent=Ledger(executions=1234, tool_calls=5, limited=2),
        flags=(Flag(FlagKind.LEAK, "g0 / i0", f"the text has {HOSTILE}", ("t1",)),),
    )
    return [good, PairingResult(ModelName("g0"), ModelName(HOSTILE), None, drawn=4)]


def rendered(split: Split = Split.TEST, openings: int = 2) -> str:
    spec = replace(matrix(generators=1, split=split), interpreters=(ModelName("i0"), ModelName(HOSTILE)))
    return page(spec, suite(), found(), openings).decode()


class Tags(HTMLParser):
    """Notes what tags there are, and the texts of a kind of them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def read(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


def test_it_shows_every_pairing_with_its_interval_and_its_cost() -> None:
    text = rendered()
    shown = read(text).texts
    assert "0.625" in shown
    assert "0.500–0.750" in shown  # noqa: RUF001 - a range
    assert "no valid workflow" in shown
    assert "1,234" in shown
    assert "1 task missing" in shown
    assert "opened\n2 times" in text


def test_the_heat_map_has_a_square_for_each_pairing() -> None:
    tags = read(rendered())
    assert tags.tags.count("rect") == 2
    assert {"0.625", "none"} <= set(tags.texts)
    assert "g0 / i0: 0.625 (0.500 to 0.750)" in tags.texts


def test_nothing_is_loaded_or_run() -> None:
    text = rendered()
    tags = read(text)
    assert "script" not in tags.tags
    assert not {name for name, _ in tags.attributes} & {"src", "href", "onload", "onclick"}
    assert "default-src 'none'" in text
    assert HOSTILE in " ".join(tags.texts)


def test_figures_by_which_winners_were_chosen_are_told_as_such() -> None:
    assert "flatters them" in rendered(Split.VALIDATION, 0)
    assert "flatters them" not in rendered()

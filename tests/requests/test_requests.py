"""Every method of every contract, with drawn requests: none finds a fault, and each method succeeds."""

from __future__ import annotations

from pathlib import Path

from tests.requests.measure import measure, services

_COUNT = 12


async def test_no_request_finds_a_fault(tmp_path: Path) -> None:
    outcomes = await measure(tmp_path, _COUNT)

    methods = {f"{service.name}/{method.name}" for service in services() for method in service.methods}
    assert set(outcomes) == methods
    assert {name: outcome.faults for name, outcome in outcomes.items() if outcome.faults} == {}
    assert [name for name, outcome in outcomes.items() if sum(outcome.codes.values()) != _COUNT] == []
    assert [name for name, outcome in outcomes.items() if outcome.valid * 2 < _COUNT] == []
    assert [name for name, outcome in outcomes.items() if outcome.codes["OK"] < 1] == []

"""A preloaded model is warmed up before the service is ready."""

from __future__ import annotations

import asyncio

import pytest

from autoflow.testing import serving
from autoflow_scorer import build
from tests.scorer.small_device import SmallDevice

ENV = {"AUTOFLOW_SCORER_PRELOAD": "bertscore"}


@pytest.mark.parametrize(("wanted", "steps"), [("true", 3), ("false", 0)])
async def test_a_preloaded_model_is_warmed_up_unless_that_is_switched_off(wanted: str, steps: int) -> None:
    device = SmallDevice(steps=3)
    async with serving(build({**ENV, "AUTOFLOW_SCORER_WARM_UP": wanted}, lambda *_: device)):
        assert device.warmed == steps


async def test_a_service_that_is_stopped_while_it_warms_up_does_one_step_more_at_most() -> None:
    device = SmallDevice(steps=10**9)
    service = build(ENV, lambda *_: device)
    starting = asyncio.ensure_future(service.start())
    assert await asyncio.to_thread(device.warming.wait, 30)
    starting.cancel()
    await asyncio.wait([starting])
    done = device.warmed
    await service.stop()
    assert device.warmed <= done + 1

"""Creating once, whoever asks how often; and pages that do not move."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from autoflow.client import errors
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2, trainer_service_pb2
from tests.trainer.harness import Trainer, Workers, optimization, trainer


async def page(service: Trainer, size: int, token: str = "") -> tuple[list[str], str]:
    request = trainer_service_pb2.ListRunsRequest(page_size=size, page_token=token)
    response = await service.client.trainer.list_runs(request)
    return [run.name for run in response.runs], response.next_page_token


async def test_the_same_request_at_the_same_time_creates_one_run(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        request_id = str(uuid.uuid4())
        runs = await asyncio.gather(*(service.create(request_id=request_id) for _ in range(12)))
        assert len({run.name for run in runs}) == 1
        assert len((await page(service, 50))[0]) == 1


async def test_a_request_id_belongs_to_one_request(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        request_id = str(uuid.uuid4())
        answers = await asyncio.gather(
            *(service.create(optimization(seed=seed), request_id) for seed in (1, 2, 1, 2)),
            return_exceptions=True,
        )
        created = [answer for answer in answers if isinstance(answer, run_pb2.Run)]
        refused = [answer for answer in answers if isinstance(answer, errors.AlreadyExists)]
        assert len(created) == len(refused) == 2
        assert len({run.name for run in created}) == 1
        again = await service.create(optimization(seed=created[0].optimization.seed), request_id)
        assert again.name == created[0].name


async def test_requests_without_an_id_create_a_run_each(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        first, second = await service.create(), await service.create()
        assert first.name != second.name


async def test_pages_stay_in_place_while_runs_are_created(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        created = [(await service.create()).name for _ in range(5)]
        newest_first = created[::-1]
        first, token = await page(service, 2)
        await service.create()
        second, token = await page(service, 2, token)
        await service.create()
        third, end = await page(service, 2, token)
        assert [first, second, third] == [newest_first[:2], newest_first[2:4], newest_first[4:]]
        assert end == ""
        assert len((await page(service, 0))[0]) == 7


async def test_the_last_page_is_known_as_the_last(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        for _ in range(2):
            await service.create()
        names, token = await page(service, 2)
        assert len(names) == 2
        assert token == ""


@pytest.mark.parametrize("token", ["nonsense", "AAAAAAAAAAkAAAAA", "%%%", "ä"])
async def test_a_foreign_page_token_is_refused(tmp_path: Path, token: str) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        with pytest.raises(errors.InvalidArgument) as refused:
            await page(service, 2, token)
        assert [violation.field for violation in refused.value.details.violations] == ["page_token"]


async def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        for call in (service.get, service.cancel, service.until_final):
            with pytest.raises(errors.NotFound):
                await call("runs/unheard-of")

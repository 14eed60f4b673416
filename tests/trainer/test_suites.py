"""Suites that are created part by part: as they were sent or not at all, named by their content."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from autoflow.client import errors
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import Split, suite_names
from autoflow.suites.loading import load_own
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import task_pb2
from autoflow.v1.run_worker_service_pb2 import LeaseRunRequest
from autoflow.v1.trainer_service_pb2 import (
    CreateSuiteRequest,
    GetSuiteRequest,
    ListRunsRequest,
    ListSuitesRequest,
)
from tests.trainer.harness import DEADLINE, Trainer, Workers, optimization, trainer
from tests.trainer.suites import changed, parts, picture

BUILT_IN = [f"suites/{name}" for name in suite_names()]


async def create(service: Trainer, requests: Iterable[CreateSuiteRequest]) -> task_pb2.TaskSuite:
    return (await service.client.trainer.create_suite(requests, timeout=30)).suite


async def names(service: Trainer, size: int = 0, token: str = "") -> tuple[list[str], str]:
    request = ListSuitesRequest(page_size=size, page_token=token)
    response = await service.client.trainer.list_suites(request)
    return [suite.name for suite in response.suites], response.next_page_token


async def test_a_suite_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        made = await create(service, parts())
        found = (await service.client.trainer.get_suite(GetSuiteRequest(name=made.name))).suite
        assert found == made
        assert (made.title, made.goal, len(made.tools)) == ("small", "Plan.", 2)
        assert (made.train_tasks, made.validation_tasks, made.test_tasks) == (2, 2, 2)
        assert made.name == "suites/" + made.digest.removeprefix("sha256:")
        # What a worker of a run on it loads is the suite.
        await service.create(optimization(suite=made.name))
        run, token, _ = await workers.next()
        async with service.worker(token) as worker:
            lease = await worker.lease_run(LeaseRunRequest(run=run))
    folder = ArtifactStore(str(tmp_path / "artifacts")).fetch_folder(lease.suite_artifact, tmp_path / "copy")
    suite = load_own(folder)
    assert suite.digest == made.digest
    (mood, caption) = suite.tasks(Split.VALIDATION)
    assert [sample.inputs[0] for sample in suite.samples(mood)] == [
        "A fine day, number 1.",
        "A sad day, number 1.",
    ]
    assert suite.samples(caption)[0].inputs == (picture(1),)
    assert list((tmp_path / "trainer" / "uploads").iterdir()) == []


async def test_the_same_content_is_the_same_suite(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher()) as service:
        made = await asyncio.gather(*(create(service, parts()) for _ in range(3)))
        again = await create(service, parts(title="another title"))
        # The order of tasks in different splits is none of the content's business.
        head, *tasks, end = parts()
        turned = [head, *tasks[10:], *tasks[:10], end]
        assert {suite.name for suite in (*made, again, await create(service, turned))} == {made[0].name}
        assert again == made[0]
        other = await create(service, changed((1, lambda part: setattr(part.task, "query", "Its mood?"))))
        assert other.name != made[0].name
        assert (await names(service))[0] == [*BUILT_IN, other.name, made[0].name]
    # Another process of the service knows it, too.
    async with trainer(tmp_path, CoroutineLauncher()) as service:
        assert await create(service, parts()) == made[0]


def goal(text: str) -> Callable[[CreateSuiteRequest], object]:
    return lambda part: setattr(part.suite, "goal", text)


async def test_pages_stay_in_place_while_suites_are_created(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher()) as service:
        made = [(await create(service, changed((0, goal(text))))).name for text in ("one", "two", "three")]
        first, token = await names(service, len(BUILT_IN))
        second, token = await names(service, 2, token)
        await create(service, parts())
        third, end = await names(service, 2, token)
        assert [first, second, third] == [BUILT_IN, [made[2], made[1]], [made[0]]]
        assert end == ""
        # Tokens of runs and of suites are different things.
        for _ in range(2):
            await service.create()
        runs = await service.client.trainer.list_runs(ListRunsRequest(page_size=1))
        with pytest.raises(errors.InvalidArgument, match="page_token"):
            await names(service, 1, runs.next_page_token)


def without(part: CreateSuiteRequest) -> None:
    part.sample.ClearField("reference")


def twisted(part: CreateSuiteRequest) -> None:
    del part.sample.inputs[:]
    part.sample.inputs.add(image=picture(99))


def damaged(part: CreateSuiteRequest) -> None:
    part.sample.inputs[0].image = picture(98)[:50]


WRONG = [
    pytest.param([], "suite", "the suite is missing", id="nothing"),
    pytest.param(parts()[:1], "task", "no tasks", id="no-tasks"),
    pytest.param(parts()[:2], "task[0]", "no samples", id="no-samples"),
    pytest.param(parts()[:5], "task[1]", "no samples", id="no-samples-of-the-last"),
    pytest.param(changed(drop=(2, 3)), "task[0]", "no samples", id="no-samples-of-the-first"),
    pytest.param(changed(drop=(0,)), "task[0]", "before the suite", id="no-suite"),
    pytest.param(changed(drop=(1,)), "sample", "before any task", id="no-task"),
    pytest.param(parts()[:-1] * 2, "suite", "has come before", id="twice"),
    pytest.param(parts()[:-1], "end", "stopped before the end", id="cut-off"),
    pytest.param([*parts(), parts()[2]], "end", "after the end", id="after-the-end"),
    pytest.param([parts()[0], parts()[-1]], "task", "no tasks", id="end-without-tasks"),
    pytest.param([*parts()[:3], *parts()[2:3] * 64], "task[0].samples[64]", "1 to 64", id="samples"),
    pytest.param(changed((7, without)), "task[2].samples[0].reference", "required", id="contract"),
    pytest.param(changed((2, without), drop=(1,)), "sample.reference", "required", id="contract-first"),
    pytest.param(
        changed((1, lambda part: setattr(part.task, "query", " "))), "task[0]", "'query'", id="blank-query"
    ),
    pytest.param(
        changed((6, lambda part: setattr(part.task, "id", ""))), "task[2].id", "1 characters", id="no-id"
    ),
    pytest.param(
        changed((6, lambda part: setattr(part.task, "id", "mood-0"))), "tasks", "'mood-0'", id="same-id"
    ),
    pytest.param(
        changed((6, lambda part: part.task.accepted[0].tools.append("Juggling"))),
        "task[2]",
        "name some of: Sentiment Analysis, Image Captioning",
        id="no-tool",
    ),
    pytest.param(
        changed((4, lambda part: part.task.accepted[0].tools.append("Image Captioning"))),
        "task[1]",
        "does not lead",
        id="plan",
    ),
    pytest.param(changed((3, twisted)), "task[0].samples[1]", "other types", id="types"),
    pytest.param(changed((5, damaged)), "task[1].samples[0]", "damaged or cut off", id="damaged"),
    pytest.param(
        changed((10, lambda part: setattr(part.sample.inputs[0], "image", b"no picture"))),
        "task[3].samples[0].inputs[0]",
        "PNG",
        id="no-picture",
    ),
    pytest.param(
        changed((10, lambda part: setattr(part.sample.inputs[0], "image", picture(0)))),
        "task[3].samples[0]",
        "is also that of task[1].samples[0] (train)",
        id="shared",
    ),
    pytest.param(
        changed((0, lambda part: part.suite.tools.add(name="image captioning", inputs=[1], output=2))),
        "suite",
        "two tools",
        id="tools",
    ),
    pytest.param(
        changed((0, lambda part: setattr(part.suite.tools[0], "arguments_schema", "{}"))),
        "suite, tools",
        "plans may not name a tool with arguments",
        id="arguments",
    ),
]


@pytest.mark.parametrize(("requests", "field", "words"), WRONG)
async def test_what_is_wrong_is_told_by_its_place_and_nothing_is_kept(
    tmp_path: Path, requests: list[CreateSuiteRequest], field: str, words: str
) -> None:
    async with trainer(tmp_path, CoroutineLauncher()) as service:
        with pytest.raises(errors.InvalidArgument) as refused:
            await create(service, requests)
        [violation] = refused.value.details.violations
        assert violation.field == field
        assert words in violation.description
        assert "tasks.jsonl" not in str(refused.value)
        assert await left(service, tmp_path) == []


@pytest.mark.parametrize(
    ("bound", "most", "words"),
    [("tasks", 5, "5 tasks"), ("samples", 8, "8 samples"), ("bytes", 900, "900 bytes")],
)
async def test_a_suite_that_is_too_large_is_refused(
    tmp_path: Path, bound: str, most: int, words: str
) -> None:
    env = {f"AUTOFLOW_MAX_SUITE_{bound.upper()}": str(most)}
    async with trainer(tmp_path, CoroutineLauncher(), env) as service:
        with pytest.raises(errors.ResourceExhausted, match=words) as refused:
            await create(service, parts())
        assert (refused.value.details.reason, refused.value.details.retry_after) == ("SUITE_TOO_LARGE", None)
        assert await left(service, tmp_path) == []


async def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def breaking() -> Iterator[CreateSuiteRequest]:
        yield from parts()[:-2]
        raise OSError("the disk is gone")

    async with trainer(tmp_path, CoroutineLauncher()) as service:
        for _ in range(5):
            with pytest.raises(OSError, match="the disk is gone"):
                await create(service, breaking())
        await nothing_is_under_way(tmp_path)
        assert await left(service, tmp_path) == []


async def test_an_upload_that_is_cancelled_or_too_slow_leaves_nothing(tmp_path: Path) -> None:
    stuck = threading.Event()

    def sticking() -> Iterator[CreateSuiteRequest]:
        yield from parts()[:-2]
        stuck.wait(DEADLINE)

    async with trainer(tmp_path, CoroutineLauncher(), max_suite_uploads=1, suite_pause=0.5) as service:
        try:
            with pytest.raises(errors.DeadlineExceeded):
                await service.client.trainer.create_suite(sticking(), timeout=0.2)
            with pytest.raises(errors.DeadlineExceeded, match="no part of the suite came"):
                await service.client.trainer.create_suite(sticking(), timeout=DEADLINE)
        finally:
            stuck.set()
        await nothing_is_under_way(tmp_path)
        assert await left(service, tmp_path) == []
        # Its place is free again.
        await create(service, parts())


async def test_an_upload_has_an_end_though_parts_keep_coming(tmp_path: Path) -> None:
    over = threading.Event()

    def trickling() -> Iterator[CreateSuiteRequest]:
        yield from parts()[:2]
        while not over.wait(0.02):
            yield parts()[2]

    async with trainer(tmp_path, CoroutineLauncher(), suite_duration=0.5) as service:
        try:
            with pytest.raises(errors.DeadlineExceeded, match=r"not there as a whole after 0\.5 s"):
                await service.client.trainer.create_suite(trickling(), timeout=DEADLINE)
        finally:
            over.set()
        await nothing_is_under_way(tmp_path)
        assert await left(service, tmp_path) == []


async def test_only_so_many_uploads_go_on_at_a_time(tmp_path: Path) -> None:
    first_came, go_on = threading.Event(), threading.Event()

    def waiting() -> Iterator[CreateSuiteRequest]:
        yield from parts()[:3]
        first_came.set()
        go_on.wait(DEADLINE)
        yield from parts()[3:]

    async with trainer(tmp_path, CoroutineLauncher(), max_suite_uploads=1) as service:
        first = asyncio.create_task(create(service, waiting()))
        try:
            await asyncio.to_thread(first_came.wait, DEADLINE)
            await uploads_under_way(tmp_path, 1)
            with pytest.raises(errors.ResourceExhausted, match="1 uploads of suites are under way"):
                await create(service, parts(title="other"))
        finally:
            go_on.set()
        assert (await first).title == "small"


async def test_what_was_left_behind_by_a_killed_process_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "trainer" / "uploads" / "old").mkdir(parents=True)
    async with trainer(tmp_path, CoroutineLauncher()):
        assert list((tmp_path / "trainer" / "uploads").iterdir()) == []


async def test_a_suite_whose_folder_was_lost_is_mended_by_creating_it_again(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher()) as service:
        made = await create(service, parts())
        kept = files(tmp_path)
        shutil.rmtree(tmp_path / "artifacts")
        assert await create(service, parts()) == made
        assert files(tmp_path) == kept


async def test_a_suite_whose_folder_was_lost_may_come_again_with_another_title(tmp_path: Path) -> None:
    workers = Workers()
    async with trainer(tmp_path, CoroutineLauncher(workers.work)) as service:
        made = await create(service, parts())
        shutil.rmtree(tmp_path / "artifacts")
        again = await create(service, parts(title="another title"))
        assert (again.name, again.create_time, again.title) == (made.name, made.create_time, "another title")
        await service.create(optimization(suite=made.name))
        run, token, _ = await workers.next()
        async with service.worker(token) as worker:
            lease = await worker.lease_run(LeaseRunRequest(run=run))
    folder = ArtifactStore(str(tmp_path / "artifacts")).fetch_folder(lease.suite_artifact, tmp_path / "copy")
    assert load_own(folder).digest == made.digest


async def test_a_tool_that_may_be_called_again_stays_one(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher()) as service:
        plain = await create(service, parts())
        safe = changed((0, lambda part: setattr(part.suite.tools[0], "idempotent", True)))
        made = await create(service, safe)
        assert [tool.idempotent for tool in made.tools] == [True, False]
        assert made.name != plain.name


async def test_a_disk_that_takes_nothing_is_no_fault_of_the_callers(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher()) as service:
        (tmp_path / "trainer" / "uploads").rmdir()
        with pytest.raises(errors.Unavailable, match="folder of uploads"):
            await create(service, parts())


async def test_nothing_is_acknowledged_that_cannot_be_stored(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("in the way")
    async with trainer(tmp_path, CoroutineLauncher()) as service:
        with pytest.raises(errors.Unavailable, match="the artifact store cannot be written"):
            await create(service, parts())
        assert (await names(service))[0] == BUILT_IN


async def test_a_run_names_its_suite_in_full_or_by_its_id(tmp_path: Path) -> None:
    async with trainer(tmp_path, CoroutineLauncher(Workers().work)) as service:
        made = await create(service, parts())
        for name in ("planning", "suites/planning", made.name, made.name.removeprefix("suites/")):
            assert (await service.create(optimization(suite=name))).optimization.suite == name
        with pytest.raises(
            errors.NotFound, match=rf"'holiday'; there are: planning.*, {made.name} \(small\)"
        ):
            await service.create(optimization(suite="suites/holiday"))
        with pytest.raises(errors.NotFound, match="'holiday'"):
            await service.client.trainer.get_suite(GetSuiteRequest(name="suites/holiday"))


async def left(service: Trainer, folder: Path) -> list[str]:
    """What there is of suites that were not created."""
    listed = (await names(service))[0]
    return [*(name for name in listed if name not in BUILT_IN), *files(folder)]


def files(folder: Path) -> list[str]:
    """Files of uploads and artifacts."""
    return [str(path) for part in ("trainer/uploads", "artifacts") for path in (folder / part).rglob("*")]


async def nothing_is_under_way(folder: Path) -> None:
    await uploads_under_way(folder, 0)


async def uploads_under_way(folder: Path, count: int) -> None:
    """Waits until the trainer takes in so many uploads."""
    uploads = folder / "trainer" / "uploads"
    async with asyncio.timeout(DEADLINE):
        while len(list(uploads.iterdir())) != count:  # noqa: ASYNC110  # A folder rings no bell.
            await asyncio.sleep(0.01)

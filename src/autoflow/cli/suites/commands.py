"""What `autoflow suites` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.progress import MofNCompleteColumn

from autoflow.cli.bars import Advance, bar
from autoflow.cli.console import Output, one_line
from autoflow.cli.names import suite_name
from autoflow.cli.options import TRAINER, FolderFormat
from autoflow.cli.reaching import trainer_at
from autoflow.cli.suites.tables import suite_lines, suite_view
from autoflow.cli.wire import to_json
from autoflow.suite_messages import SuiteRequests
from autoflow.suites import Split, TaskSuite
from autoflow.suites.loading import load_openagi, load_own
from autoflow.v1.task_pb2 import TaskSuite as SuiteMessage
from autoflow.v1.trainer_service_pb2 import CreateSuiteRequest, GetSuiteRequest, ListSuitesRequest

_UPLOAD_SECONDS = 3600.0


async def create_suite(
    address: str, folder: Path, form: FolderFormat, samples: int | None, output: Output
) -> None:
    """Creates a suite and prints its name.

    Args:
        address: `host:port` of the trainer.
        folder: the suite.
        form: of the folder.
        samples: of each task at most; None for all.
        output: where to print.
    """
    suite = _loaded(folder, form, output)
    requests = SuiteRequests(suite, samples)
    tasks = sum(len(suite.tasks(split)) for split in Split)
    async with trainer_at(address) as trainer:
        with bar(output, "Sending tasks", tasks, MofNCompleteColumn()) as advance:
            sent = _told(requests, advance)
            created = (await trainer.create_suite(sent, timeout=_UPLOAD_SECONDS)).suite
    if output.json:
        output.document(to_json(created))
    else:
        output.line(created.name)
        where = "" if address == TRAINER else f" --trainer {address}"
        output.note(f"`autoflow suites show {created.name}{where}` shows it")


async def list_suites(address: str, limit: int, output: Output) -> None:
    """Prints the suites, the built-in ones first, then the newest."""
    suites: list[SuiteMessage] = []
    page_token = ""
    async with trainer_at(address) as trainer:
        while len(suites) < limit:
            request = ListSuitesRequest(page_size=limit - len(suites), page_token=page_token)
            page = await trainer.list_suites(request)
            suites += page.suites
            page_token = page.next_page_token
            if not page_token:
                break
    if output.json:
        output.document({"suites": [to_json(suite) for suite in suites]})
        return
    for suite in suites:
        for line in suite_lines(suite):
            output.line(line)


async def show_suite(address: str, suite: str, output: Output) -> None:
    """Prints a suite that is given as `suites/<id>` or as the id alone."""
    name = suite_name(suite)
    async with trainer_at(address) as trainer:
        found = (await trainer.get_suite(GetSuiteRequest(name=name))).suite
    if output.json:
        output.document(to_json(found))
    else:
        output.result(suite_view(found))


def _loaded(folder: Path, form: FolderFormat, output: Output) -> TaskSuite:
    if form is FolderFormat.OWN:
        return load_own(folder)
    return load_openagi(folder, left_out=lambda why: output.note(f"left out: {one_line(why)}"))


def _told(requests: Iterable[CreateSuiteRequest], advance: Advance) -> Iterator[CreateSuiteRequest]:
    for request in requests:
        yield request
        if request.HasField("task"):
            advance(1)

"""`autoflow backup`: the state of a system on this machine, into one file and back."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoflow.cli.console import Output, one_line
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.options import DataOption, JsonOption, data_folder

if TYPE_CHECKING:
    from autoflow.cli.backup.archive import Manifest
    from autoflow.cli.bars import Advance

app = typer.Typer(
    help="Back up and restore the folder of `autoflow up` or of a demo.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="The backup.")]


@app.command("create")
def create(file: FileArgument, data: DataOption = None, json: JsonOption = False) -> None:
    """Back up databases and artifacts into one file; services may go on meanwhile.

    Logs and cached adapters are left out, and so is what is kept elsewhere.

    Exit status: 0 if everything is in the file; 1 if damaged artifacts had to be left out; 2 if there is
    nothing to back up or the file is there already; 3 if something cannot be read or written.
    """
    from autoflow.cli.backup.create import create as make
    from autoflow.cli.backup.create import size_of

    output, folder = Output(json), data_folder(data)
    with _progress(output, "Backing up", size_of(folder)) as advance:
        manifest = make(folder, file, advance)
    _report(output, "backed up", file, folder, manifest)
    if manifest.damaged:
        raise typer.Exit(ExitCode.NOT_OK)


@app.command("restore")
def restore(
    file: FileArgument,
    data: DataOption = None,
    force: Annotated[
        bool, typer.Option("--force", metavar="", help="Replace what is in the folder.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Restore a backup into a folder that is empty or not there. Stop the services of that folder first.

    Everything is checked before the folder is touched.

    Exit status: 0 if it was restored; 2 if the folder is not empty or there is no such file; 3 if the backup
    is damaged or something cannot be read or written.
    """
    from autoflow.cli.backup.restore import restore as unpack

    output, folder = Output(json), data_folder(data)
    if not file.exists():
        raise CommandFailed(f"{file}: there is no such file", ExitCode.USAGE)
    with _progress(output, "Restoring", file.stat().st_size) as advance:
        manifest = unpack(file, folder, advance, force=force)
    _report(output, "restored", file, folder, manifest)


def _progress(output: Output, what: str, size: int) -> AbstractContextManager[Advance]:
    from rich.progress import DownloadColumn

    from autoflow.cli.bars import bar

    return bar(output, what, size, DownloadColumn())


def _report(output: Output, done: str, file: Path, folder: Path, manifest: Manifest) -> None:
    databases = [entry for entry in manifest.entries if entry.path.endswith(".db")]
    artifacts = len(manifest.entries) - len(databases)
    if output.json:
        output.document(
            {
                "file": str(file),
                "data": str(folder),
                "version": manifest.version,
                "create_time": manifest.create_time,
                "databases": [asdict(entry) for entry in databases],
                "artifacts": artifacts,
                "bytes": manifest.size,
                "damaged": list(manifest.damaged),
            }
        )
        return
    for name in manifest.damaged:
        output.note(f"{one_line(name)} is damaged and was left out")
    counts = f"databases: {len(databases)}, artifacts: {artifacts}, bytes: {manifest.size:,}"
    output.line(f"{done} {one_line(str(folder))} ({counts})")

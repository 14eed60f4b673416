"""Runs workers as processes of this machine.

Each worker leads a process group of its own, so that a signal reaches whatever it started and Ctrl-C in the
terminal reaches the service alone, which then ends its workers in order. What a worker prints goes to one log
file a run, of which callers learn the last words of a worker that is gone.

Left out: limits on memory and CPU, and the rotation of logs. It does not protect against a worker that leaves
its process group, nor against children that outlive a worker which died by itself. POSIX only.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from autoflow_trainer.last_words import last_words, secrets_of
from autoflow_trainer.launcher import LaunchFailed

TOKEN_VARIABLE = "AUTOFLOW_RUN_TOKEN"
"""The variable by which a worker gets its secret."""

_WITHHELD = frozenset({"AUTOFLOW_DATABASE_URL"})
"""What only the trainer itself may know."""

_TAIL = 1 << 16
"""Bytes of a worker's output in which its last words are looked for."""

_THREAD_DEFAULTS: Mapping[str, str] = {
    # Threads of torch that wait by spinning take the cores from the models that the worker waits for.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
}


def worker_environment(env: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The environment of all workers.

    Args:
        env: the service's own.
        given: what workers are told, such as the addresses of the services.

    Returns:
        `env` without what is the trainer's alone, with thread settings for sharing a machine where `env` has
        none of its own, and with what is given.
    """
    inherited = {name: value for name, value in env.items() if name not in _WITHHELD}
    return {**_THREAD_DEFAULTS, **inherited, **given}


class SubprocessLauncher:
    """Starts `COMMAND… runs/<id>`.

    Args:
        command: the program and its first arguments.
        env: the workers' whole environment, but for the token.
        logs: the folder of the log files, `<id>.log`; made when it is needed.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], logs: Path) -> None:
        self._command = tuple(command)
        self._env = dict(env)
        self._logs = logs

    async def launch(self, run: str, token: str) -> SubprocessWorker:
        """Starts the worker of a run.

        Args:
            run: `runs/<id>`.
            token: the secret by which the worker proves that the run is its own.

        Raises:
            LaunchFailed: the program or the log file could not be opened.
        """
        env = {**self._env, TOKEN_VARIABLE: token}
        path = self._logs / f"{run.removeprefix('runs/')}.log"
        try:
            log = await asyncio.to_thread(self._open_log, path)
            try:
                said_before = os.fstat(log).st_size
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    run,
                    env=env,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            finally:
                os.close(log)
        except OSError as error:
            # Its text, without the path that `str` would add: callers read this.
            raise LaunchFailed(error.strerror or "the system refused") from error
        return SubprocessWorker(process, lambda: _last_words(path, said_before, env))

    def _open_log(self, path: Path) -> int:
        self._logs.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


class SubprocessWorker:
    """A process that was started.

    Args:
        process: leads a process group of its own.
        last_words: finds what it said last, once it has ended; blocks.
    """

    def __init__(self, process: asyncio.subprocess.Process, last_words: Callable[[], str]) -> None:
        self._process = process
        self._last_words = last_words

    @property
    def pid(self) -> int:
        """The process' id, and that of its group."""
        return self._process.pid

    async def wait(self) -> str:
        """Returns when it has ended, with what became of it."""
        fate = _fate(await self._process.wait())
        words = await asyncio.to_thread(self._last_words)
        return f"{fate}: {words}" if words else fate

    def terminate(self) -> None:
        """Asks it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it and its process group, now."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # Once it has ended and was waited for, its id may be another process' by now.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def _fate(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):  # A real-time signal has no name.
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def _last_words(log: Path, said_before: int, env: Mapping[str, str]) -> str:
    """The last words of one worker in the log of all workers of its run."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            begin = max(said_before, end - _TAIL)
            file.seek(begin)
            if begin > said_before:
                file.readline()  # Not from its start.
            return last_words(file.read(), set(secrets_of(env)))
    except OSError:
        return ""  # They only explain what became of it.

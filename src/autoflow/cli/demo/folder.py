"""The folder that a demo leaves."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from autoflow.cli.results.summary import Summary
from autoflow.cli.wire import to_json
from autoflow.language import check, to_mermaid
from autoflow.v1 import run_pb2


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Where what belongs to one demo is."""

    root: Path

    @property
    def data(self) -> Path:
        """State of the services: database, adapters, checkpoints. It stays from demo to demo."""
        return self.root / "data"

    @property
    def services_log(self) -> Path:
        """What the services logged."""
        return self.root / "services.log"

    @property
    def worker_log(self) -> Path:
        """What the run's worker logged."""
        return self.root / "worker.log"

    @property
    def run(self) -> Path:
        """The run as the trainer gave it."""
        return self.root / "run.json"

    @property
    def summary(self) -> Path:
        """The figures."""
        return self.root / "summary.json"

    @property
    def winner(self) -> Path:
        """The winner's text."""
        return self.root / "winner.flow"

    @property
    def diagram(self) -> Path:
        """The winner as a Mermaid flowchart."""
        return self.root / "winner.mmd"

    @property
    def chart(self) -> Path:
        """The reward curve."""
        return self.root / "reward.png"

    @property
    def results(self) -> tuple[Path, ...]:
        """The files that a successful demo leaves, in the order in which they are worth a look."""
        return (self.summary, self.winner, self.diagram, self.chart, self.run, self.worker_log)

    def prepare(self) -> None:
        """Makes the folder, and removes what an earlier demo found: nothing old may pass for new.

        Raises:
            OSError: the folder cannot be made or written.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        for path in (*self.results, self.services_log):
            path.unlink(missing_ok=True)

    def save_run(self, run: run_pb2.Run, workers: Path) -> None:
        """Saves a run, however it ended, and its worker's log.

        Args:
            run: the run, with all its iterations.
            workers: the folder of the workers' logs.
        """
        _write_json(self.run, to_json(run))
        log = workers / f"{run.name.removeprefix('runs/')}.log"
        if log.is_file():
            shutil.copyfile(log, self.worker_log)

    def save_results(self, summary: Summary) -> None:
        """Saves the figures and the winner; the chart is drawn on its own."""
        _write_json(self.summary, summary.to_json())
        workflow = check(summary.winner).workflow
        self.winner.write_text(workflow.text if workflow else summary.winner, encoding="utf-8")
        if workflow is not None:
            self.diagram.write_text(to_mermaid(workflow), encoding="utf-8")


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

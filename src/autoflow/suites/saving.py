"""Writes suites as folders of the form that `autoflow.suites.loading.load_own` reads, part by part.

Nothing is held but the part at hand, so a suite may be larger than memory. Pictures are named by their
content: one that several samples share is written once, and equal parts make equal folders.

What is written is not judged: `load_own` does that, for all folders alike.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autoflow.suites.model import Content, ContentType, Sample, Split, Task, Tool

MOST_SAMPLES = 64
"""Of a task of a suite that a trainer keeps: the contract's limit."""

_MEDIA = "media"


@dataclass(frozen=True, slots=True)
class SuiteHead:
    """A suite without its tasks."""

    title: str
    goal: str
    tools: tuple[Tool, ...]


@dataclass(frozen=True, slots=True)
class TaskHead:
    """A task without its samples, which decide the types of its inputs."""

    id: str
    split: Split
    query: str
    output: ContentType
    accepted: tuple[tuple[str, ...], ...]
    stratum: str = ""
    """Empty for the default."""

    @classmethod
    def of(cls, task: Task, split: Split) -> TaskHead:
        """The head of a task of a suite."""
        return cls(task.id, split, task.query, task.output, task.accepted, task.stratum)


class SuiteWriter:
    """Writes one suite: its head, then each task followed by its samples. Its methods block.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tasks = (root / "tasks.jsonl").open("wb")
        self._in_task = self._in_samples = False
        (root / _MEDIA).mkdir()
        self.text_bytes = 0
        """Written so far to the file of the tasks."""
        self.media_bytes = 0
        """Written so far as pictures."""

    def add_head(self, head: SuiteHead) -> None:
        """Writes what the tasks have in common."""
        fields = {"title": head.title, "goal": head.goal, "tools": list(map(_tool, head.tools))}
        (self._root / "suite.json").write_text(_json(fields) + "\n", encoding="utf-8")

    def add_task(self, task: TaskHead) -> None:
        """Begins a task."""
        self._end_task()
        fields = {
            "id": task.id,
            "split": task.split,
            **({"stratum": task.stratum} if task.stratum else {}),
            "query": task.query,
            "output": task.output,
            "plans": task.accepted,
        }
        # The line goes on with each sample.
        self._write(f'{_json(fields)[:-1]},"samples":[')
        self._in_task, self._in_samples = True, False

    def add_sample(self, sample: Sample) -> None:
        """Adds a sample to the task that was begun last."""
        fields = {
            "inputs": [self._piece(content) for content in sample.inputs],
            "reference": self._piece(sample.reference),
            **({"caption": sample.caption} if sample.caption else {}),
        }
        self._write(("," if self._in_samples else "") + _json(fields))
        self._in_samples = True

    def close(self) -> None:
        """Ends the suite. Harmless when repeated."""
        if not self._tasks.closed:
            self._end_task()
            self._tasks.close()

    def _end_task(self) -> None:
        if self._in_task:
            self._write("]}\n")
            self._in_task = False

    def _piece(self, content: Content) -> str | dict[str, str]:
        if isinstance(content, str):
            return content
        name = f"{_MEDIA}/{hashlib.sha256(content).hexdigest()}"
        file = self._root / name
        if not file.exists():
            file.write_bytes(content)
            self.media_bytes += len(content)
        return {"image": name}

    def _write(self, text: str) -> None:
        self.text_bytes += self._tasks.write(text.encode())


def _tool(tool: Tool) -> Mapping[str, object]:
    return {
        "name": tool.name,
        "description": tool.description,
        "inputs": tool.inputs,
        "output": tool.output,
        **({"arguments_schema": tool.arguments_schema} if tool.arguments_schema else {}),
        **({"idempotent": True} if tool.idempotent else {}),
    }


def _json(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

"""Suites of one's own: a folder with `suite.json`, `tasks.jsonl` and pictures. docs/suites.md shows one.

A content is a JSON string, or `{"image": "path/in/the/folder.png"}`. Types are those of the contents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from autoflow.errors import InvalidArgument
from autoflow.plans import chains
from autoflow.suites.loading.assembly import FoundSample, FoundTask, assembled, type_of
from autoflow.suites.loading.files import Folder, Limits, Piece, refusal
from autoflow.suites.loading.records import Record, parsed, sound_text
from autoflow.suites.model import ContentType, Split, TaskSuite, Tool
from autoflow.suites.planning import TOOLS

_SUITE, _TASKS = "suite.json", "tasks.jsonl"
_NAME, _SENTENCE, _QUERY = 80, 500, 10_000
_MAX_TOOLS, _MAX_INPUTS, _MAX_PLANS, _MAX_STEPS = 128, 4, 256, 64
"""The contract's limits."""
_TYPES = {content_type.value: content_type for content_type in ContentType}
_SPLITS = {split.value: split for split in Split}


def load_own(root: Path, limits: Limits | None = None) -> TaskSuite:
    """Loads a suite of one's own.

    Every file is read once, so what is wrong is told now; samples are read again when they are asked for.

    Args:
        root: the suite's folder.
        limits: how much is read.

    Raises:
        InvalidArgument: something is missing, wrong or too large, or two splits share a content. The message
            names the file and the line.
        OSError: the system cannot read now, whatever is in the folder.
    """
    folder = Folder(root, limits or Limits())
    head = parsed(folder.text(_SUITE), _SUITE)
    title, goal = head.text("title", _NAME), head.text("goal", _SENTENCE)
    tools = _tools(head) if head.has("tools") else TOOLS
    head.finish()
    lines = [(number, line) for number, line in enumerate(folder.lines(_TASKS), start=1) if line.strip()]
    if not 1 <= len(lines) <= folder.limits.tasks:
        raise refusal(_TASKS, f"it must hold 1 to {folder.limits.tasks} tasks, not {len(lines)}")
    known = {tool.name: tool for tool in tools}
    found = [_task(parsed(line, f"{_TASKS}, line {number}"), known, folder) for number, line in lines]
    return assembled(title, goal, tools, found, folder)


def _tools(head: Record) -> tuple[Tool, ...]:
    tools = []
    for value in head.items("tools", _MAX_TOOLS):
        record = Record(value, f"{head.place}, tools")
        name = record.text("name", _NAME)
        if any(mark in name for mark in ",\r\n"):
            raise refusal(record.place, f"the name {name!r} must have neither commas nor line breaks")
        inputs = record.items("inputs", _MAX_INPUTS)
        types = tuple(Record({"inputs": one}, record.place).one_of("inputs", _TYPES) for one in inputs)
        description, output = record.text("description", _SENTENCE, ""), record.one_of("output", _TYPES)
        if record.has("arguments_schema"):
            fix = f"leave the tool {name!r} out, or what its arguments must be"
            raise refusal(record.place, "plans may not name a tool with arguments", fix)
        tools.append(Tool(name, description, types, output, idempotent=record.flag("idempotent")))
        record.finish()
    if len({tool.name.casefold() for tool in tools}) < len(tools):
        raise refusal(head.place, "two tools have the same name")
    return tuple(tools)


def _task(record: Record, tools: Mapping[str, Tool], folder: Folder) -> FoundTask:
    split: Split = record.one_of("split", _SPLITS)
    identifier, query = record.text("id", _NAME), record.text("query", _QUERY)
    stratum = record.text("stratum", _NAME, "all")
    values = record.items("samples", folder.limits.samples)
    samples = tuple(
        _sample(Record(value, f"{record.place}, sample {number}"), folder)
        for number, value in enumerate(values)
    )
    first = samples[0]
    output: ContentType = record.one_of("output", _TYPES, type_of(first.reference).value)
    plans = tuple(_plan(value, record, tools) for value in record.items("plans", _MAX_PLANS))
    record.finish()
    inputs = tuple(map(type_of, first.inputs))
    for number, sample in enumerate(samples):
        if tuple(map(type_of, sample.inputs)) != inputs:
            raise refusal(f"{record.place}, sample {number}", "its inputs are of other types than sample 0's")
        fits = type_of(sample.reference) is output or output is ContentType.IMAGE
        if not fits or type_of(sample.reference) is not type_of(first.reference):
            raise refusal(f"{record.place}, sample {number}", "its reference is of the wrong type")
        # The metric is one for all samples of a task, and captions decide which.
        if output is ContentType.IMAGE and bool(sample.caption) is not bool(first.caption):
            what = f"it has {'a' if sample.caption else 'no'} caption, other than sample 0"
            fix = "give all samples of a task a caption, or none"
            raise refusal(f"{record.place}, sample {number}", what, fix)
    for plan in plans:
        if not chains(plan, tools, inputs, output):
            raise refusal(
                record.place,
                f"the plan {', '.join(plan)} does not lead from the inputs to the output",
                fix="let each tool find its inputs among those of the task and what was made before it",
            )
    return FoundTask(record.place, split, identifier, stratum, query, output, plans, samples)


def _sample(record: Record, folder: Folder) -> FoundSample:
    inputs = [_piece(value, record.place, folder) for value in record.items("inputs", _MAX_INPUTS)]
    reference = _piece(record.value("reference"), record.place, folder)
    caption = record.text("caption", _SENTENCE, "")
    record.finish()
    return FoundSample(tuple(inputs), reference, caption)


def _piece(value: object, place: str, folder: Folder) -> Piece:
    if isinstance(value, str):
        return sound_text(value, folder.limits.text_characters, place)
    record = Record(value, place)
    path = record.text("image", 1_000)
    record.finish()
    try:
        return folder.picture(path)
    except InvalidArgument as error:
        raise refusal(place, error.message) from None


def _plan(value: object, task: Record, tools: Mapping[str, Tool]) -> tuple[str, ...]:
    plan: Sequence[object] = value if isinstance(value, list) else ()
    if not 1 <= len(plan) <= _MAX_STEPS:
        raise refusal(task.place, f"a plan must be a list of 1 to {_MAX_STEPS} names of tools")
    for name in plan:
        if not isinstance(name, str) or name not in tools:
            raise refusal(
                task.place,
                f"a plan names {name!r}, which is no tool of the suite",
                fix=f"name some of: {', '.join(tools)}",
            )
    return tuple(str(name) for name in plan)

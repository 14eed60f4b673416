"""Texts that are formatted and mended, over a real channel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from autoflow.client.generator import GeneratorClient
from autoflow.language import check
from autoflow.v1 import generator_service_pb2 as pb
from autoflow.v1 import workflow_pb2
from tests.language.corpus import corpus

Generating: TypeAlias = Callable[..., AbstractAsyncContextManager[GeneratorClient]]
SOUND = "Step 1:::process:::Plan:::next::Step 2\nStep 2:::terminal:::Tell\n"
FORGIVEN = SOUND.replace("process", "Process")
BROKEN = SOUND.replace(":::next::Step 2", "")


async def test_a_formatted_text_is_canonical_and_keeps_its_digest(generating: Generating) -> None:
    async with generating() as client:
        for source in (SOUND, FORGIVEN):
            request = pb.FormatWorkflowRequest(workflow=workflow_pb2.Workflow(source=source))
            answer = await client.format_workflow(request)
            workflow = check(SOUND).workflow
            assert workflow is not None
            assert (answer.workflow.source, answer.workflow.digest) == (SOUND, workflow.digest)
            assert answer.changed == (source != SOUND)
        nothing = workflow_pb2.Workflow(source="Sorry.")
        refused = await client.format_workflow(pb.FormatWorkflowRequest(workflow=nothing))
    assert not refused.HasField("workflow")
    assert [found.code for found in refused.diagnostics] == ["no-steps"]


async def test_a_mended_text_is_told_with_its_changes(generating: Generating) -> None:
    async with generating() as client:
        broken = workflow_pb2.Workflow(source=BROKEN)
        answer = await client.repair_workflow(pb.RepairWorkflowRequest(workflow=broken))
        nowhere = workflow_pb2.Workflow(source=SOUND.replace("next::Step 2", "next::Nowhere"))
        refused = await client.repair_workflow(pb.RepairWorkflowRequest(workflow=nowhere))
    assert (answer.workflow.source, answer.valid) == (SOUND, True)
    assert [(change.code, change.line) for change in answer.changes] == [("added-branch", 1)]
    assert not refused.HasField("workflow")
    assert (refused.valid, len(refused.changes)) == (False, 0)
    assert ("unknown-target", 1) in [(found.code, found.line) for found in refused.diagnostics]


async def test_malformed_texts_of_every_kind_are_mended_or_refused_over_the_wire(
    generating: Generating,
) -> None:
    # The first and the last of each file: the last is what the file refuses, where it refuses something.
    kinds: dict[str, list[int]] = {}
    entries = corpus()
    for i, entry in enumerate(entries):
        kinds.setdefault(entry.name.partition(":")[0], []).append(i)
    chosen = [entries[i] for places in kinds.values() for i in (places[0], places[-1])]
    async with generating() as client:
        for entry in chosen:
            source = workflow_pb2.Workflow(source=entry.text)
            answer = await client.repair_workflow(pb.RepairWorkflowRequest(workflow=source))
            told = [f"{found.line} {found.code}" for found in answer.changes or answer.diagnostics]
            assert answer.valid == (entry.changes is not None), entry.name
            assert told == (entry.refusal if entry.changes is None else entry.changes), entry.name
            assert answer.workflow.source == (entry.repaired if answer.valid else ""), entry.name
    assert {entry.changes is None for entry in chosen} == {True, False}

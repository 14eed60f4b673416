"""Versions: adding them, finding them, and turning the pages, over real calls."""

from __future__ import annotations

import math

import pytest

from autoflow.client import errors
from autoflow.client.registry import RegistryClient
from autoflow.language import check
from autoflow.v1 import registry_service_pb2 as pb
from autoflow.v1 import run_pb2, task_pb2
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.workflow_pb2 import Workflow
from tests.generator.registry.requests import create, creation, get, promote, text

DIGEST = "sha256:" + "0" * 64
LINEAGE = pb.Lineage(
    run="runs/a-run",
    parents=[DIGEST, "workflows/older@2"],
    generator=ModelRef(model="writer", adapter=DIGEST),
    prompt_version="3",
    cost=run_pb2.Ledger(executions=120, tool_calls=4),
)
MEASUREMENT = pb.Measurement(
    suite="suites/planning",
    suite_digest=DIGEST,
    split=task_pb2.SPLIT_TEST,
    interpreter=ModelRef(model="executor"),
    reward=run_pb2.REWARD_PLAN,
    value=run_pb2.Estimate(mean=0.9, ci95_low=0.8, ci95_high=0.95),
    tasks=40,
    test_openings=1,
)


async def test_a_version_is_kept_whole(registry: RegistryClient, other: RegistryClient) -> None:
    source = "\n" + text("trips \N{AIRPLANE}") + "\n\n"
    request = creation(
        "planner", source, lineage=LINEAGE, measurements=[MEASUREMENT], description="the first\0 of all"
    )
    created = (await registry.create_workflow_version(request)).version
    assert created.name == "workflows/planner@1"
    assert (created.workflow.source, created.workflow.digest) == (source, check(source).workflow.digest)  # type: ignore[union-attr]
    assert [step.name for step in created.workflow.steps] == ["Step 1", "Step 2"]
    assert (created.lineage, list(created.measurements)) == (LINEAGE, [MEASUREMENT])
    assert (created.description, list(created.aliases)) == ("the first\0 of all", [])
    assert created.create_time.seconds > 0
    assert await get(other, "workflows/planner@1") == created


async def test_what_is_output_only_is_not_taken(registry: RegistryClient) -> None:
    request = creation("planner", text("one"), name="workflows/other@9", aliases=["production"])
    request.version.workflow.digest = DIGEST
    request.version.create_time.seconds = 1
    created = (await registry.create_workflow_version(request)).version
    assert (created.name, list(created.aliases)) == ("workflows/planner@1", [])
    assert created.workflow.digest != DIGEST
    assert not created.HasField("lineage")
    assert created.create_time.seconds > 1


async def test_a_version_is_found_by_number_alias_and_as_the_newest(registry: RegistryClient) -> None:
    for number in (1, 2, 3):
        assert (await create(registry, "planner", text(str(number)))).name == f"workflows/planner@{number}"
    await promote(registry, "planner@2", 0, alias="staging")
    await promote(registry, "planner@2", 0)
    names = ["planner@1", "workflows/planner@2", "planner@staging", "planner@production", "planner"]
    found = [await get(registry, name) for name in names]
    assert [version.name[-1] for version in found] == ["1", "2", "2", "2", "3"]
    assert [list(version.aliases) for version in found] == [
        [],
        *3 * [["production", "staging"]],
        [],
    ]


@pytest.mark.parametrize(
    "name", ["planner@2", "planner@999999999", "planner@production", "nobody", "nobody@1"]
)
async def test_what_is_not_there_is_not_found(registry: RegistryClient, name: str) -> None:
    await create(registry, "planner", text("one"))
    await create(registry, "other", text("two"))
    await promote(registry, "other@1", 0)
    with pytest.raises(errors.NotFound, match=f"there is no `workflows/{name}`"):
        await get(registry, name)


async def test_a_workflow_that_cannot_be_executed_is_refused(registry: RegistryClient) -> None:
    broken = "Step 1:::process:::Think.:::next::Step 9\nStep 2:::terminal:::Answer."
    with pytest.raises(errors.InvalidArgument) as caught:
        await create(registry, "planner", broken)
    (violation,) = caught.value.details.violations
    found = check(broken).diagnostics[0]
    assert violation.field == "version.workflow.source"
    assert f"line {found.line}: {found.message} ({found.code})" in violation.description
    assert found.fix
    assert found.fix in violation.description
    # Not even its name is taken.
    assert (await registry.list_workflows(pb.ListWorkflowsRequest())).workflows == []


@pytest.mark.parametrize(
    "value",
    [
        run_pb2.Estimate(mean=1.5, ci95_low=0.5, ci95_high=2),
        run_pb2.Estimate(mean=0.5, ci95_low=-0.1, ci95_high=0.7),
        run_pb2.Estimate(mean=math.nan, ci95_low=0, ci95_high=1),
    ],
)
async def test_what_is_no_reward_is_refused(registry: RegistryClient, value: run_pb2.Estimate) -> None:
    wrong = pb.Measurement()
    wrong.CopyFrom(MEASUREMENT)
    wrong.value.CopyFrom(value)
    with pytest.raises(errors.InvalidArgument) as caught:
        await registry.create_workflow_version(
            creation("planner", text("one"), measurements=[MEASUREMENT, wrong])
        )
    assert caught.value.details.violations[0].field == "version.measurements[1].value"


async def test_a_repeated_request_adds_one_version(registry: RegistryClient, other: RegistryClient) -> None:
    first = await create(registry, "planner", text("one"), "a")
    await create(registry, "planner", text("two"))
    assert await create(other, "planner", text("one"), "a") == first
    # Without an id, it is another request.
    assert (await create(registry, "planner", text("one"))).name == "workflows/planner@3"
    for workflow, source in (("planner", text("two")), ("other", text("one"))):
        with pytest.raises(errors.AlreadyExists, match="another version, `workflows/planner@1`"):
            await create(registry, workflow, source, "a")
    with pytest.raises(errors.AlreadyExists):
        await registry.create_workflow_version(creation("planner", text("one"), "a", description="new"))
    with pytest.raises(errors.NotFound):
        await get(registry, "other")


async def test_the_client_makes_ids_of_requests(registry: RegistryClient) -> None:
    request = creation("planner", text("one"))
    await registry.create_workflow_version(request)
    await registry.create_workflow_version(request)
    assert request.request_id == ""
    assert (await get(registry, "planner")).name == "workflows/planner@2"


async def test_pages_of_versions(registry: RegistryClient) -> None:
    for number in range(1, 6):
        await create(registry, "planner", text(str(number)))
    await create(registry, "other", text("other"))
    await promote(registry, "planner@4", 0)
    numbers: list[str] = []
    token, pages = "", 0
    while not pages or token:
        page = await registry.list_workflow_versions(
            pb.ListWorkflowVersionsRequest(parent="planner", page_size=2, page_token=token)
        )
        numbers += [version.name.partition("@")[2] for version in page.versions]
        token, pages = page.next_page_token, pages + 1
        # What is added meanwhile moves nothing.
        await create(registry, "planner", text("more"))
    assert (numbers, pages) == (["5", "4", "3", "2", "1"], 3)
    whole = await registry.list_workflow_versions(pb.ListWorkflowVersionsRequest(parent="workflows/planner"))
    assert whole.versions[4] == await get(registry, "planner@production")


async def test_pages_of_workflows_are_by_name(registry: RegistryClient) -> None:
    for name in ("b-b", "a", "ba", "b", "b1"):
        await create(registry, name, text(name))
    await create(registry, "b", text("again"))
    await promote(registry, "b@2", 0, alias="staging")
    await promote(registry, "b@1", 0)
    found: list[pb.RegisteredWorkflow] = []
    token = ""
    while not found or token:
        page = await registry.list_workflows(pb.ListWorkflowsRequest(page_size=2, page_token=token))
        found += page.workflows
        token = page.next_page_token
    assert [one.name for one in found] == [f"workflows/{name}" for name in ("a", "b", "b-b", "b1", "ba")]
    assert [one.newest_version for one in found] == [1, 2, 1, 1, 1]
    assert [[alias.name for alias in one.aliases] for one in found] == [
        [],
        ["workflows/b@production", "workflows/b@staging"],
        [],
        [],
        [],
    ]
    assert [alias.version for alias in found[1].aliases] == [1, 2]
    assert found[1].create_time.ToNanoseconds() < found[1].update_time.ToNanoseconds()


async def test_pages_of_aliases_are_by_name(registry: RegistryClient) -> None:
    for workflow in ("b", "a-1", "a"):
        await create(registry, workflow, text(workflow))
        for alias in ("z", "production", "a-1"):
            await promote(registry, f"{workflow}@1", 0, alias=alias)

    async def names(parent: str, size: int) -> list[str]:
        found: list[str] = []
        token = ""
        while not found or token:
            request = pb.ListAliasesRequest(parent=parent, page_size=size, page_token=token)
            page = await registry.list_aliases(request)
            found += [alias.name.removeprefix("workflows/") for alias in page.aliases]
            token = page.next_page_token
        return found

    aliases = ["a-1", "production", "z"]
    assert await names("", 2) == [f"{one}@{alias}" for one in ("a", "a-1", "b") for alias in aliases]
    assert await names("workflows/a-1", 2) == [f"a-1@{alias}" for alias in aliases]
    nobody = await registry.list_aliases(pb.ListAliasesRequest(parent="nobody"))
    assert nobody == pb.ListAliasesResponse()


async def test_pages_of_changes(registry: RegistryClient) -> None:
    for number in range(1, 4):
        await create(registry, "planner", text(str(number)))
        await promote(registry, f"planner@{number}", number - 1)
    await promote(registry, "planner@1", 0, alias="staging")

    async def page(parent: str, token: str = "") -> pb.ListAliasChangesResponse:
        request = pb.ListAliasChangesRequest(parent=parent, page_size=2, page_token=token)
        return await registry.list_alias_changes(request)

    first = await page("planner")
    assert [(one.alias[18:], one.to_version) for one in first.changes] == [("staging", 1), ("production", 3)]
    second = await page("planner", first.next_page_token)
    assert [(one.from_version, one.to_version) for one in second.changes] == [(1, 2), (0, 1)]
    assert second.next_page_token == ""
    assert len((await page("planner@staging")).changes) == 1
    for nobody in ("planner@nobody", "nobody", "nobody@production"):
        with pytest.raises(errors.NotFound, match=f"there is no `workflows/{nobody}`"):
            await page(nobody)


async def test_a_token_is_good_for_its_own_list_alone(registry: RegistryClient) -> None:
    for workflow in ("planner", "other"):
        for number in range(3):
            await create(registry, workflow, text(str(number)))
    page = await registry.list_workflow_versions(
        pb.ListWorkflowVersionsRequest(parent="planner", page_size=1)
    )
    token = page.next_page_token
    refused = errors.InvalidArgument, "this service made no such token"
    with pytest.raises(refused[0], match=refused[1]):
        await registry.list_workflow_versions(
            pb.ListWorkflowVersionsRequest(parent="other", page_token=token)
        )
    with pytest.raises(refused[0], match=refused[1]):
        await registry.list_workflows(pb.ListWorkflowsRequest(page_token=token))
    with pytest.raises(refused[0], match=refused[1]):
        await registry.list_aliases(pb.ListAliasesRequest(page_token=token))
    with pytest.raises(refused[0], match=refused[1]):
        await registry.list_alias_changes(pb.ListAliasChangesRequest(parent="planner", page_token=token))


@pytest.mark.parametrize("parent", ["", "Planner", "a/b", "planner@1", "-x", "x" * 65])
async def test_a_name_that_is_none_is_refused(registry: RegistryClient, parent: str) -> None:
    request = creation(parent, text("one"))
    with pytest.raises(errors.InvalidArgument) as caught:
        await registry.create_workflow_version(request)
    assert caught.value.details.violations[0].field == "parent"


async def test_text_is_all_of_a_workflow_that_counts(registry: RegistryClient) -> None:
    same = creation("planner", text("one"), "a")
    same.version.workflow.CopyFrom(Workflow(source=text("one"), digest=DIGEST))
    first = await create(registry, "planner", text("one"), "a")
    assert (await registry.create_workflow_version(same)).version == first

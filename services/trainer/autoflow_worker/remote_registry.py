"""The generator's registry, for winners."""

from __future__ import annotations

import hashlib

from autoflow import prompts
from autoflow.client import RegistryClient
from autoflow.client import errors as rpc
from autoflow.convert import reward_to_proto
from autoflow.errors import FailedPrecondition
from autoflow.v1 import model_pb2, registry_service_pb2, task_pb2
from autoflow_worker.convert import estimate_to_proto, ledger_to_proto, workflow_to_proto
from autoflow_worker.publishing import Discovery
from autoflow_worker.sorted_errors import sorted_errors
from autoflow_worker.trust import WINNER


class RemoteRegistry:
    """Registers the winner of one run.

    A run registers one version, however often its end is done: the id of the request follows from the run and
    its winner. What a run has cost is part of the version, and differs from worker to worker; so where the
    worker before had registered the winner and was lost, that version is looked up.

    Args:
        client: of the registry.
        run: `runs/<id>`.
        page_size: versions that are looked through in one call, the newest first.
    """

    def __init__(self, client: RegistryClient, run: str, *, page_size: int = 100) -> None:
        self._client = client
        self._run = run
        self._page_size = page_size

    async def register(self, found: Discovery) -> str:
        """Adds a version; see `autoflow_worker.publishing.Registry`."""
        version = self._version(found)
        digest = version.workflow.digest
        request = registry_service_pb2.CreateWorkflowVersionRequest(
            parent=found.spec.register_as,
            version=version,
            request_id=hashlib.sha256(f"{self._run} {digest}".encode()).hexdigest(),
        )
        with sorted_errors("generator"):
            try:
                return (await self._client.create_workflow_version(request)).version.name
            except rpc.AlreadyExists:
                return await self._registered(request.parent, digest)

    async def _registered(self, parent: str, digest: str) -> str:
        """The version that an earlier worker of the run has made of the winner."""
        request = registry_service_pb2.ListWorkflowVersionsRequest(parent=parent, page_size=self._page_size)
        while True:
            page = await self._client.list_workflow_versions(request)
            for version in page.versions:
                if (version.lineage.run, version.workflow.digest) == (self._run, digest):
                    return version.name
            if not page.next_page_token:
                raise FailedPrecondition(f"the registry has the winner, and no version of `{parent}` is it")
            request.page_token = page.next_page_token

    def _version(self, found: Discovery) -> registry_service_pb2.WorkflowVersion:
        spec, result = found.spec, found.result
        # What was trained is an adapter of its own.
        adapter = result.adapter or spec.generator_adapter
        return registry_service_pb2.WorkflowVersion(
            workflow=workflow_to_proto(result.winner),
            lineage=registry_service_pb2.Lineage(
                run=self._run,
                parents=found.parents,
                generator=model_pb2.ModelRef(model=spec.generator, adapter=adapter),
                prompt_version=prompts.VERSION,
                cost=ledger_to_proto(found.cost),
            ),
            measurements=[
                registry_service_pb2.Measurement(
                    suite=f"suites/{spec.suite.removeprefix('suites/')}",
                    suite_digest=result.suite_digest,
                    split=task_pb2.SPLIT_TEST,
                    interpreter=model_pb2.ModelRef(model=spec.interpreter, adapter=spec.interpreter_adapter),
                    reward=reward_to_proto(spec.reward),
                    value=estimate_to_proto(report.reward),
                    tasks=report.tasks,
                    test_openings=result.test_openings,
                )
                for report in result.reports
                if report.name == WINNER
            ],
        )

"""The generator's registry, for winners."""

from __future__ import annotations

from autoflow import prompts
from autoflow.client import RegistryClient
from autoflow.convert import reward_to_proto
from autoflow.v1 import model_pb2, registry_service_pb2, task_pb2
from autoflow_worker.convert import estimate_to_proto, ledger_to_proto, workflow_to_proto
from autoflow_worker.publishing import Discovery
from autoflow_worker.sorted_errors import sorted_errors
from autoflow_worker.trust import WINNER


class RemoteRegistry:
    """Registers the winner of one run.

    Args:
        client: of the registry.
        run: `runs/<id>`; a run registers one version, however often its end is done.
    """

    def __init__(self, client: RegistryClient, run: str) -> None:
        self._client = client
        self._run = run

    async def register(self, found: Discovery) -> str:
        """Adds a version; see `autoflow_worker.publishing.Registry`."""
        request = registry_service_pb2.CreateWorkflowVersionRequest(
            parent=found.spec.register_as,
            version=self._version(found),
            request_id=self._run.removeprefix("runs/"),
        )
        with sorted_errors("generator"):
            return (await self._client.create_workflow_version(request)).version.name

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

"""A registered workflow for requests to name."""

from __future__ import annotations

import grpc
from google.protobuf.message import Message

from autoflow.v1 import registry_service_pb2 as pb
from autoflow.v1.registry_service_pb2_grpc import RegistryServiceStub
from autoflow.v1.workflow_pb2 import Workflow

WORKFLOW, ALIAS, NO_WORKFLOW = "planner", "production", "gone"
EITHER = "either"
"""The name of a workflow, where a request has no text of one."""
POINTED_AT, NOT_POINTED_AT = 99, 98
"""Expected versions: the one that the alias points at by then, and another one."""
_VERSIONS = 3


class KeptWorkflow:
    """A registered workflow of some versions, with an alias that was promoted.

    Args:
        channel: to the registry.
        page_token: what stands for the token of a list's next page.
    """

    def __init__(self, channel: grpc.aio.Channel, page_token: str) -> None:
        self._stub = RegistryServiceStub(channel)
        self._stand_in = page_token
        self._at = 0
        self._tokens: dict[str, str] = {}

    async def open(self) -> None:
        """Makes it, where it is not there yet."""
        for alias in (await self._stub.ListAliases(pb.ListAliasesRequest(parent=WORKFLOW))).aliases:
            self._at = alias.version
            return
        version = pb.WorkflowVersion(workflow=Workflow(source="Step 1:::terminal:::Answer."))
        create = pb.CreateWorkflowVersionRequest(parent=WORKFLOW, version=version)
        for number in range(1, _VERSIONS + 1):
            await self._stub.CreateWorkflowVersion(create)
            await self._promote(number)

    async def _promote(self, number: int) -> None:
        request = pb.PromoteWorkflowRequest(
            name=f"{WORKFLOW}@{number}", alias=ALIAS, expected_version=self._at
        )
        self._at = (await self._stub.PromoteWorkflow(request)).alias.version

    def fill(self, request: Message) -> None:
        """Puts what the alias points at, and the token of the next page, in the place of the stand-ins."""
        if getattr(request, "expected_version", None) == POINTED_AT:
            request.expected_version = self._at  # type: ignore[attr-defined]
        if getattr(request, "page_token", None) == self._stand_in:
            request.page_token = self._tokens.get(type(request).__name__, "")  # type: ignore[attr-defined]

    async def note(self, method: str, answer: Message) -> None:
        """Learns from what a request changed or brought."""
        moved = isinstance(answer, pb.PromoteWorkflowResponse | pb.RollbackAliasResponse)
        if moved and answer.alias.name == f"workflows/{WORKFLOW}@{ALIAS}":  # type: ignore[attr-defined]
            self._at = answer.alias.version  # type: ignore[attr-defined]
        if method == "RollbackAlias":
            # There is something to go back from, always.
            await self._promote(self._at % _VERSIONS + 1)
        if token := getattr(answer, "next_page_token", ""):
            self._tokens[f"{method}Request"] = token

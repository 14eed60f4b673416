"""Requests as they came, what is kept of them, and what carries them out."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.workflow_pb2 import Workflow
from autoflow_interpreter.convert import request_from_proto, require_one_workflow
from autoflow_interpreter.executions.carrying import Run
from autoflow_interpreter.executions.executions import Begun
from autoflow_interpreter.interpreter import Interpreter
from autoflow_interpreter.past import Past
from autoflow_interpreter.registered import RegisteredWorkflows


class StoredRequests:
    """Makes what carries out a request that has just come, or that is kept.

    Args:
        interpreter: executes.
        registered: finds the workflows that requests name.
        max_tokens: the limit of one step's answer, where a request gives none.
    """

    def __init__(self, interpreter: Interpreter, registered: RegisteredWorkflows, *, max_tokens: int) -> None:
        self._interpreter = interpreter
        self._registered = registered
        self._max_tokens = max_tokens

    def begun(self, request: pb.ExecuteWorkflowRequest) -> Begun:
        """What is to be kept of a request.

        Raises:
            InvalidArgument: it has no workflow, or two.
        """
        require_one_workflow(request)
        return Begun(
            request=request.SerializeToString(deterministic=True),
            request_id=request.request_id,
            query=request.query,
            model=request.model.model,
            adapter=request.model.adapter,
        )

    async def new(self, begun: Begun, request: pb.ExecuteWorkflowRequest) -> tuple[Begun, Run]:
        """What is to be kept of a request that nobody has begun, and what carries it out.

        A registered workflow is looked up here, once: what is kept is the version that it was.

        Raises:
            NotFound: there is no such version of a registered workflow.
            FailedPrecondition: nobody keeps registered workflows here.
            Unavailable: the registry cannot be reached.
            Exception: as `run`.
        """
        if not request.workflow_version:
            return begun, await self.run(request)
        found = await self._registered.find(request.workflow_version)
        settled = pb.ExecuteWorkflowRequest(
            workflow=Workflow(source=found.source), workflow_version=found.name
        )
        begun = replace(begun, settled=settled.SerializeToString())
        settled_request = pb.ExecuteWorkflowRequest()
        settled_request.CopyFrom(request)
        settled_request.MergeFrom(settled)
        return begun, await self.run(settled_request)

    async def run(self, request: pb.ExecuteWorkflowRequest, past: Past | None = None) -> Run:
        """What carries a request out; errors as `Interpreter.prepare`, and as `request_from_proto`."""
        wanted = request_from_proto(request, max_tokens=self._max_tokens)
        return partial(self._interpreter.run, await self._interpreter.prepare(wanted, past))

    async def resume(self, request: bytes, past: Past) -> Run:
        """What carries a kept request out; errors as `run`."""
        return await self.run(pb.ExecuteWorkflowRequest.FromString(request), past)

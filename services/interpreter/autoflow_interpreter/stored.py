"""Requests as they came, what is kept of them, and what carries them out."""

from __future__ import annotations

from functools import partial

from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow_interpreter.convert import request_from_proto
from autoflow_interpreter.executions.carrying import Run
from autoflow_interpreter.executions.executions import Begun
from autoflow_interpreter.interpreter import Interpreter
from autoflow_interpreter.past import Past


class StoredRequests:
    """Makes what carries out a request that has just come, or that is kept.

    Args:
        interpreter: executes.
        max_tokens: the limit of one step's answer, where a request gives none.
    """

    def __init__(self, interpreter: Interpreter, *, max_tokens: int) -> None:
        self._interpreter = interpreter
        self._max_tokens = max_tokens

    def begun(self, request: pb.ExecuteWorkflowRequest) -> Begun:
        """What is to be kept of a request."""
        return Begun(
            request=request.SerializeToString(deterministic=True),
            request_id=request.request_id,
            query=request.query,
            model=request.model.model,
            adapter=request.model.adapter,
        )

    async def run(self, request: pb.ExecuteWorkflowRequest, past: Past | None = None) -> Run:
        """What carries a request out; errors as `Interpreter.prepare`, and as `request_from_proto`."""
        wanted = request_from_proto(request, max_tokens=self._max_tokens)
        return partial(self._interpreter.run, await self._interpreter.prepare(wanted, past))

    async def resume(self, request: bytes, past: Past) -> Run:
        """What carries a kept request out; errors as `run`."""
        return await self.run(pb.ExecuteWorkflowRequest.FromString(request), past)

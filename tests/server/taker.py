"""A service that takes streams of requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc

from autoflow.server import Endpoint, Service
from autoflow.v1.task_pb2 import CONTENT_TYPE_TEXT, SPLIT_TRAIN, TaskSuite
from autoflow.v1.trainer_service_pb2 import CreateSuiteRequest, CreateSuiteResponse
from autoflow.v1.trainer_service_pb2_grpc import TrainerServiceServicer, add_TrainerServiceServicer_to_server


class Taker(TrainerServiceServicer):
    """Counts the requests of each call.

    Args:
        errors: raised by the first calls when they begin.
    """

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0
        self.taken = 0
        self.took = threading.Event()
        """Set with the first request."""
        self.cancelled = asyncio.Event()

    async def CreateSuite(
        self,
        request_iterator: AsyncIterator[CreateSuiteRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> CreateSuiteResponse:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        count = 0
        try:
            async for _ in request_iterator:
                count += 1
                self.taken += 1
                self.took.set()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return CreateSuiteResponse(suite=TaskSuite(train_tasks=count))

    # The contract's other methods are not called.
    GetSuite = ListSuites = CreateRun = GetRun = None  # type: ignore[assignment]
    ListRuns = WatchRun = CancelRun = DownloadReport = None  # type: ignore[assignment]

    @property
    def service(self) -> Service:
        register = partial(add_TrainerServiceServicer_to_server, self)
        return Service("taker", (Endpoint("autoflow.v1.TrainerService", register),))


def request(query: str = "Why?") -> CreateSuiteRequest:
    """One that keeps to the contract, where it asks something."""
    made = CreateSuiteRequest()
    made.task.id, made.task.query = "a", query
    made.task.split, made.task.output = SPLIT_TRAIN, CONTENT_TYPE_TEXT
    made.task.accepted.add(tools=["Tool"])
    return made

"""Finds registered workflows, which the generator keeps.

A version never changes, so one that was found need not be looked for again; nothing is remembered here, since
an execution keeps the text that it was begun with.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from autoflow.client import Client, ClientSettings, errors
from autoflow.errors import FailedPrecondition, NotFound, ResourceExhausted, Unavailable
from autoflow.v1.registry_service_pb2 import GetWorkflowVersionRequest

_SECONDS = 10.0
"""For a look, its repetitions included."""
_RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RegisteredWorkflow:
    """One version of a registered workflow."""

    name: str
    """`workflows/<id>@<version>`."""
    source: str


class RegisteredWorkflows:
    """The registered workflows that executions may name.

    Connects when it is first used, in the event loop that uses it.

    Args:
        address: of the generator, `host:port`; empty: there is none.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._client = Client(generator=address or None, settings=ClientSettings(unary_timeout=_SECONDS))

    async def close(self) -> None:
        """Closes the connection."""
        await self._client.close()

    async def find(self, name: str) -> RegisteredWorkflow:
        """The version that a name means now.

        Args:
            name: `<id>@<alias or version>`, or `<id>` for the newest, with `workflows/` before it or without.

        Raises:
            FailedPrecondition: no generator is set up.
            NotFound: there is no such version.
            ResourceExhausted: the generator has too much to do.
            Unavailable: it cannot be reached, or cannot answer.
        """
        if not self._address:
            raise FailedPrecondition(
                f"nobody knows here which workflow `{name}` is: AUTOFLOW_GENERATOR_ADDRESS is not set"
            )
        try:
            answer = await self._client.registry.get_workflow_version(GetWorkflowVersionRequest(name=name))
        except errors.NotFound as error:
            raise NotFound(error.message) from error
        except errors.ResourceExhausted as error:
            raise ResourceExhausted(
                "the generator has too much to do", error.details.retry_after or _RETRY_SECONDS
            ) from error
        except errors.RpcError as error:
            _log.warning("a registered workflow cannot be looked up: %s", error)
            raise Unavailable("the generator, which keeps registered workflows, could not answer") from error
        return RegisteredWorkflow(answer.version.name, answer.version.workflow.source)

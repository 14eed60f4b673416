"""The HTTP client of one endpoint.

Below the package `openai` there is aiohttp. The pool that the package comes with looks at each of its idle
connections at the beginning and at the end of every request, and parses answers in Python: with 200 requests
under way it takes about half a millisecond of CPU more for each.
"""

from __future__ import annotations

import httpx2
from openai import AsyncOpenAI, DefaultAioHttpClient

from autoflow.llm.openai.endpoint import Endpoint
from autoflow.llm.openai.reading import limited


def client_of(endpoint: Endpoint) -> AsyncOpenAI:
    """A client, which connects when it is needed and is closed by the caller. For use in one event loop.

    Args:
        endpoint: where it is, and its limits.
    """
    # Texts where None would do: for None the library looks into the environment, whose keys and names may
    # belong to another endpoint.
    return AsyncOpenAI(
        api_key=endpoint.api_key or "none",
        admin_api_key="",
        organization="",
        project="",
        webhook_secret="",
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=endpoint.attempt_timeout,
        http_client=DefaultAioHttpClient(
            limits=httpx2.Limits(max_connections=endpoint.max_concurrency),
            timeout=endpoint.attempt_timeout,
            event_hooks={"response": [limited(endpoint.max_answer_bytes)]},
        ),
    )

"""Requests are spread over clients with few connections each."""

from __future__ import annotations

from contextlib import ExitStack

from openai import AsyncOpenAI

from autoflow.llm.openai.clients import Clients
from autoflow.llm.openai.endpoint import Endpoint


def endpoint(max_concurrency: int) -> Endpoint:
    return Endpoint(name="m", base_url="http://127.0.0.1:1/v1", model="m", max_concurrency=max_concurrency)


async def test_one_after_the_other_have_one_client() -> None:
    clients = Clients(endpoint(64))
    used = set()
    for _ in range(40):
        with clients.one() as client:
            used.add(client)
    assert len(used) == 1
    await clients.close()


async def test_many_at_once_share_clients_evenly() -> None:
    clients = Clients(endpoint(40))
    with ExitStack() as stack:
        used: list[AsyncOpenAI] = [stack.enter_context(clients.one()) for _ in range(60)]
    counts = sorted(used.count(client) for client in set(used))
    assert counts == [20, 20, 20]
    await clients.close()

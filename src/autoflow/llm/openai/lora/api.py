"""The three requests by which a vLLM server is given adapters while it runs.

`GET /v1/models` lists the adapters that are loaded, `POST /v1/load_lora_adapter` and
`POST /v1/unload_lora_adapter` change that (docs.vllm.ai, "LoRA Adapters"). vLLM takes the two only where it
runs with `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`. What it answers, as its source has it: 400 for a name that
is loaded already, 404 for a folder that it does not find, 500 (formerly 400) for an adapter that does not
fit.

No error and no log holds a key, a path or what a server said.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

import httpx2
from pydantic import BaseModel, ConfigDict, ValidationError

from autoflow.llm.base import LanguageModelError, ModelRejected, ModelUnavailable, UnknownAdapter
from autoflow.llm.openai.endpoint import Endpoint
from autoflow.llm.openai.lora.addresses import Replica
from autoflow.llm.openai.reading import IDENTITY, Unreadable, limited
from autoflow.llm.openai.retries import Failure, retried, seconds_to_wait

_CONNECT_SECONDS = 5.0
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)
_NO_ROUTE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
_UNFIT = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
_CLOSED_DOOR = "a replica takes no adapters while it runs; vLLM needs VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"


class _Listed(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    id: str


class _Listing(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    data: tuple[_Listed, ...]


class AdapterApi:
    """Requests to replicas, each of them tried again as the endpoint's calls are. For use in one event loop.

    Args:
        endpoint: its key, its attempts and their limits.
        rng: draws the waits between attempts.
    """

    def __init__(self, endpoint: Endpoint, rng: random.Random | None = None) -> None:
        self._endpoint = endpoint
        self._rng = rng or random.Random()
        self._client: httpx2.AsyncClient | None = None

    async def load(self, replica: Replica, name: str, path: str, deadline: float) -> None:
        """Loads an adapter where it is not loaded yet.

        Args:
            replica: where.
            name: what it is to be called.
            path: its folder, as the replica sees it.
            deadline: by the event loop's clock; the caller keeps it.

        Raises:
            UnknownAdapter: the replica does not find it, or cannot use it.
            ModelRejected: the replica loads no adapters, or not for this key.
            ModelOverloaded: as `retried`.
            ModelUnavailable: the replica cannot be reached, or answers nonsense, past all attempts.
        """
        refused = False

        async def attempt() -> None:
            nonlocal refused
            refused = False
            if name in await self._names(replica):
                return
            answer = await self._post(replica, "/load_lora_adapter", lora_name=name, lora_path=path)
            # Another client of the replica may have been first.
            if answer.is_success or (answer.status_code == 400 and name in await self._names(replica)):
                return
            refused = answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
            raise _judged(answer)

        try:
            return await retried(self._endpoint, attempt, deadline, self._rng)
        except ModelUnavailable:
            if not refused:
                raise
        raise UnknownAdapter(f"a replica cannot load the adapter {name}; its log says why")

    async def unload(self, replica: Replica, name: str, deadline: float) -> None:
        """Unloads an adapter; one that is not loaded is no error.

        Raises:
            As `load`.
        """

        async def attempt() -> None:
            answer = await self._post(replica, "/unload_lora_adapter", lora_name=name)
            if not answer.is_success and not _is_known_error(answer, HTTPStatus.NOT_FOUND):
                raise _judged(answer)

        await retried(self._endpoint, attempt, deadline, self._rng)

    async def check(self, replica: Replica, deadline: float) -> None:
        """Passes where the replica would load adapters; it is asked to load one without a name.

        Raises:
            As `load`.
        """

        async def attempt() -> None:
            answer = await self._post(replica, "/load_lora_adapter", lora_name="", lora_path="")
            if answer.status_code not in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
                raise _judged(answer)

        await retried(self._endpoint, attempt, deadline, self._rng)

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _names(self, replica: Replica) -> set[str]:
        """The models and adapters that a replica serves."""
        answer = await self._send(replica, "GET", "/models")
        if not answer.is_success:
            raise _judged(answer)
        try:
            return {each.id for each in _Listing.model_validate_json(answer.content).data}
        except ValidationError:
            pass
        # Outside of the `except`: the error there quotes the answer.
        raise Failure("its list of models is none")

    async def _post(self, replica: Replica, path: str, **body: str) -> httpx2.Response:
        return await self._send(replica, "POST", path, body)

    async def _send(
        self, replica: Replica, method: str, path: str, body: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        self._client = self._client or self._made()
        host = replica.host
        try:
            async with asyncio.timeout(self._endpoint.attempt_timeout):
                return await self._client.request(
                    method,
                    replica.url + path,
                    json=body,
                    headers={"Host": host} if host else None,
                    extensions={"sni_hostname": host.partition(":")[0]} if host else None,
                )
        except TimeoutError:
            failure = Failure(f"no answer within {self._endpoint.attempt_timeout:g} seconds")
        except Unreadable as error:
            failure = Failure(str(error))
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError):
            failure = Failure("the connection failed")
        # Outside of the `except`, as in `calling`.
        raise failure

    def _made(self) -> httpx2.AsyncClient:
        endpoint = self._endpoint
        headers = {"Accept-Encoding": IDENTITY}
        if endpoint.api_key:
            headers["Authorization"] = f"Bearer {endpoint.api_key}"
        return httpx2.AsyncClient(
            headers=headers,
            verify=httpx2.create_ssl_context(),
            # Each replica itself is meant, not a proxy.
            trust_env=False,
            timeout=httpx2.Timeout(endpoint.attempt_timeout, connect=_CONNECT_SECONDS),
            event_hooks={"response": [limited(endpoint.max_answer_bytes)]},
        )


def _judged(answer: httpx2.Response) -> Failure | LanguageModelError:
    """What an answer other than 200 means."""
    status = answer.status_code
    if status in _NO_ROUTE and not _is_known_error(answer, status):
        return ModelRejected(_CLOSED_DOOR)
    if status in _UNFIT:
        return UnknownAdapter(
            f"a replica does not find the adapter's folder, or cannot use it: status {status}"
        )
    if status in _PASSING or status >= 500:
        retry_after = seconds_to_wait(answer.headers.get("retry-after", ""), datetime.now(UTC))
        return Failure(f"status {status}", retry_after=retry_after)
    return ModelRejected(f"a replica refused an adapter: status {status}")


def _is_known_error(answer: httpx2.Response, status: int) -> bool:
    """Whether an answer of that status is vLLM's own; of paths that it does not know, the framework says
    `{"detail": "Not Found"}`.
    """
    if answer.status_code != status:
        return False
    try:
        said = answer.json()
    except ValueError:
        return False
    return isinstance(said, dict) and ("error" in said or said.get("object") == "error")

"""LoRA adapters from the artifact store, as folders that a model can load.

A folder is named by its content, so it never changes and is fetched once, whoever asks and however often.
Left out: clearing the cache. An adapter of the embedded model has some hundred kilobytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from autoflow.errors import NotFound
from autoflow.llm.base import UnknownAdapter
from autoflow.store.artifacts import ArtifactStore

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")

Folders: TypeAlias = Callable[[str], Path]
"""Gives the folder of an adapter by its digest, or raises UnknownAdapter; blocks."""


def no_adapters(digest: str) -> Path:
    """The `Folders` of who has none."""
    raise UnknownAdapter(f"there are no adapters here, and so not {digest}")


class AdapterFolders:
    """Gives the folder of an adapter, fetching it when it is not there yet.

    Args:
        store: where adapters are published; None where the service has no artifact store.
        cache: the folder of folders; made when it is first needed.
    """

    def __init__(self, store: ArtifactStore | None, cache: Path) -> None:
        self._store = store
        self._cache = cache

    def __call__(self, digest: str) -> Path:
        """The adapter's folder. Blocks while it is fetched.

        Raises:
            UnknownAdapter: the store has no such adapter, or there is no store.
        """
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise UnknownAdapter(f"{digest!r} is no digest of an adapter")
        folder = self._cache / match.group(1)
        if folder.is_dir():
            return folder
        if self._store is None:
            raise UnknownAdapter(
                "this service has no artifact store, and so no adapters: set AUTOFLOW_ARTIFACTS"
            )
        try:
            return self._store.fetch_folder(digest, folder)
        except NotFound as error:
            raise UnknownAdapter(f"the artifact store has no adapter {digest}") from error

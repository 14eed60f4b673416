"""Blobs named by their content: adapters, checkpoints, suites, reports.

The name of a blob is `sha256:<64 hex digits>` of its bytes, so it never changes, may be stored twice without
harm, and is checked whenever it is read. A folder is a blob, too: an uncompressed tar whose bytes depend on
nothing but the files' names and contents. Folders may be larger than memory.

A store that is away is Unavailable after some retries; none of them is waited for without a limit.

Left out: single blobs larger than memory, deletion, and listing. It does not protect against whoever can
write to the store's folder or bucket: such a person can make blobs vanish, though not pass off others in
their place.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from autoflow.errors import DataLoss, InvalidArgument, NotFound, Unavailable
from autoflow.files import make_folder, replacing, sync_tree
from autoflow.settings import SettingsError

_S3_OPTIONS = {
    # Seconds. s3fs itself tries five times; botocore's own retries would multiply with that.
    "config_kwargs": {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 0}},
    "use_listings_cache": False,
    # Else a process would keep the endpoint and the credentials that it saw first.
    "skip_instance_cache": True,
}

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class ArtifactStore:
    """Keeps blobs in a folder or behind a URL that fsspec knows. Its methods block.

    Args:
        url: a folder, or a URL such as `s3://bucket/prefix`; the folder is made when it is first written to,
            a bucket must be there. `s3://` reads endpoint, region and credentials from the standard AWS
            variables.

    Raises:
        SettingsError: what the URL needs is not installed.
    """

    def __init__(self, url: str) -> None:
        self._away: tuple[type[Exception], ...] = (OSError,)
        self._files, self._root = self._open(url)

    def put(self, data: bytes) -> str:
        """Stores a blob; whoever reads it sees all of it or nothing.

        Args:
            data: the bytes.

        Returns:
            Its digest, `sha256:<hex>`.

        Raises:
            Unavailable: the store cannot be reached or written.
        """
        return self._put("sha256:" + hashlib.sha256(data).hexdigest(), data)

    def get(self, digest: str) -> bytes:
        """Reads a blob.

        Args:
            digest: `sha256:<hex>`.

        Raises:
            InvalidArgument: that is no digest.
            NotFound: there is no such blob.
            DataLoss: the blob is not what it was.
            Unavailable: the store cannot be reached or read.
        """
        with self._reading(digest) as path:
            data: bytes = self._files.cat_file(path)
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            raise DataLoss(f"the artifact {digest} is damaged")
        return data

    def has(self, digest: str) -> bool:
        """Whether there is such a blob, be it damaged or not.

        Raises:
            InvalidArgument: that is no digest.
            Unavailable: the store cannot be reached or read.
        """
        with self._reading(digest) as path:
            found: bool = self._files.exists(path)
        return found

    def put_folder(self, folder: Path) -> str:
        """Stores a folder: its regular files, at any depth, without times, owners and modes.

        Args:
            folder: an existing folder.

        Returns:
            Its digest; equal folders have equal digests.

        Raises:
            ValueError: something in it is neither a folder nor a regular file, such as a link.
            Unavailable: the store cannot be reached or written.
        """
        with tempfile.TemporaryDirectory() as scratch:
            archive = Path(scratch) / "archive"
            _pack(folder, archive)
            return self._put(_digest_of(archive), archive)

    def fetch_folder(self, digest: str, into: Path) -> Path:
        """Makes a stored folder; others see all of it or nothing.

        Args:
            digest: of `put_folder`.
            into: the folder to make. Where it is there already, it is left as it is.

        Returns:
            `into`.

        Raises:
            InvalidArgument: that is no digest.
            NotFound: there is no such blob.
            DataLoss: the blob is not what it was, or not a folder.
            Unavailable: the store cannot be reached or read.
        """
        if into.is_dir():
            return into
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{into.name}-", dir=into.parent) as scratch:
            archive, fresh = Path(scratch) / "archive", Path(scratch) / "folder"
            with self._reading(digest) as path:
                self._files.get_file(path, str(archive))
            if _digest_of(archive) != digest:
                raise DataLoss(f"the artifact {digest} is damaged")
            fresh.mkdir()
            _unpack(archive, fresh, digest)
            # Else a crash might leave the folder with empty files.
            sync_tree(fresh)
            _rename(fresh, into)
        return into

    def _open(self, url: str) -> tuple[Any, str]:
        if not url.startswith("s3://"):
            files, root = fsspec.url_to_fs(url)
            return files, root
        try:
            from botocore.exceptions import BotoCoreError, HTTPClientError

            files, root = fsspec.url_to_fs(url, **_S3_OPTIONS)
        except ImportError:
            raise SettingsError(
                "artifacts in S3 need the extra `s3`: pip install 'autoflow-services[s3]'"
            ) from None
        # What botocore raises before there is an answer is no OSError.
        self._away = (OSError, BotoCoreError, HTTPClientError)
        return files, root

    def _path(self, digest: str) -> str:
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise InvalidArgument("digest", f"{digest!r} is not of the form sha256:<64 hex digits>")
        name = match.group(1)
        # Folders of a manageable size.
        return f"{self._root}/sha256/{name[:2]}/{name}"

    @contextmanager
    def _reading(self, digest: str) -> Iterator[str]:
        path = self._path(digest)
        try:
            yield path
        except FileNotFoundError:
            raise NotFound(f"there is no artifact {digest}") from None
        except self._away as error:
            raise Unavailable("the artifact store cannot be read") from error

    def _put(self, digest: str, source: bytes | Path) -> str:
        path = self._path(digest)
        try:
            if not self._files.exists(path):
                self._publish(path, source)
        except self._away as error:
            raise Unavailable("the artifact store cannot be written") from error
        return digest

    def _publish(self, path: str, source: bytes | Path) -> None:
        if not isinstance(self._files, LocalFileSystem):
            # An object store shows an object when it is complete.
            if isinstance(source, bytes):
                self._files.pipe_file(path, source)
            else:
                self._files.put_file(str(source), path)
            return
        target = Path(path)
        make_folder(target.parent)
        with replacing(target) as file:
            if isinstance(source, bytes):
                file.write(source)
            else:
                with source.open("rb") as content:
                    shutil.copyfileobj(content, file)


def _digest_of(file: Path) -> str:
    with file.open("rb") as content:
        return "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()


def _pack(folder: Path, into: Path) -> None:
    with tarfile.open(into, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in _files(folder):
            # A fresh TarInfo has time, owner and group 0.
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            with path.open("rb") as content:
                entry.size = os.fstat(content.fileno()).st_size
                archive.addfile(entry, content)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ValueError(f"{path.relative_to(folder)} is neither a folder nor a regular file")
        if path.is_file():
            yield path


def _rename(fresh: Path, into: Path) -> None:
    try:
        fresh.rename(into)
    except OSError:
        # Somebody else may have made it meanwhile, with the same content.
        if not into.is_dir():
            raise


def _unpack(source: Path, into: Path, digest: str) -> None:
    """Writes an archive's regular files below a folder, and refuses anything else."""
    try:
        with tarfile.open(source, mode="r:") as archive:
            for entry in archive:
                name = PurePosixPath(entry.name)
                file = archive.extractfile(entry) if entry.isreg() else None
                if file is None or name.is_absolute() or ".." in name.parts:
                    raise DataLoss(f"the artifact {digest} holds something else than files: {entry.name!r}")
                target = into / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as written:
                    shutil.copyfileobj(file, written)
    except tarfile.TarError:
        raise DataLoss(f"the artifact {digest} is not a folder") from None

"""Reads the files of a suite's folder, and nothing outside of it.

A path is followed part by part without links, so neither `..` nor a symbolic link leads out of the folder,
not even one that is put there meanwhile; and only plain files are read, so nothing waits for a pipe. The
folder itself may be reached through links. Pictures are decoded once, to their last pixel, so that a damaged
one is told when a suite is made and not when a task cannot be scored.

Needs POSIX (`dir_fd`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autoflow.errors import DataLoss, InvalidArgument
from autoflow.images import ImageLimits, UnreadableImage, read_image
from autoflow.suites.model import Content

_OF_THE_PATH = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EACCES, errno.ENAMETOOLONG}
    # Of a socket.
    | {errno.ENXIO}
)
"""What the system says of a path that is wrong. All else, such as too many open files, may pass."""
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"GIF87a", b"GIF89a")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read."""

    image_bytes: int = 1 << 20
    """Of one picture: the contract's limit."""
    text_characters: int = 100_000
    """Of one text: the contract's limit."""
    file_bytes: int = 64 << 20
    """Of one file with descriptions or texts."""
    tasks: int = 10_000
    samples: int = 10_000
    """Of one task."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that stays in its file until it is needed."""

    file: str
    digest: str
    """SHA-256 of its bytes, hex."""


Piece = str | Picture
"""A text, or where a picture is."""


def refusal(file: str, what: str, fix: str = "") -> InvalidArgument:
    """The error that a file is not as it should be.

    Args:
        file: its path in the folder, perhaps with a line: `tasks.jsonl, line 3`.
        what: what is wrong with it.
        fix: what would mend it; may be empty.
    """
    return InvalidArgument(file, f"{file}: {what}", fix)


def is_picture(data: bytes) -> bool:
    """Whether bytes begin as those of a format that is read: PNG, JPEG, WebP, BMP or GIF."""
    return data.startswith(_SIGNATURES) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A key that sorts names as people do: `2.jpg` before `10.jpg`."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts], name


class Folder:
    """A suite's folder. Paths are relative to it, with `/`.

    Every method raises OSError where the system cannot read now, whatever the path is.
    """

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root = root
        self.limits = limits

    def names(self, path: str = "") -> list[str]:
        """What is in a folder, in natural order, without names that begin with a full stop.

        Raises:
            InvalidArgument: it is no folder.
        """
        with self._opened(path, os.O_DIRECTORY) as file:
            return sorted((name for name in os.listdir(file) if not name.startswith(".")), key=natural)

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there, and not behind a link."""
        try:
            with self._opened(path, os.O_DIRECTORY):
                return True
        except InvalidArgument:
            return False

    def text(self, path: str) -> str:
        """The content of a text file, with line feeds for any line end.

        Raises:
            InvalidArgument: it is not there, is too large or not in UTF-8.
        """
        data = self._read(path, self.limits.file_bytes)
        try:
            return data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise refusal(path, f"it is not in UTF-8, from byte {error.start} on") from None

    def lines(self, path: str) -> list[str]:
        """The lines of a text file; only a line feed ends one, whatever else may look like a line's end."""
        text = self.text(path)
        return text.removesuffix("\n").split("\n") if text else []

    def picture(self, path: str) -> Picture:
        """Looks at a picture.

        Raises:
            InvalidArgument: it is not there, is too large or of no format that is read.
        """
        data = self._read(path, self.limits.image_bytes)
        if not is_picture(data):
            raise refusal(path, "it is no PNG, JPEG, WebP, BMP or GIF")
        try:
            # To its last pixel: a picture that is cut off would earn nothing, whatever the plan.
            read_image(data, ImageLimits())
        except UnreadableImage as reason:
            raise refusal(path, str(reason)) from None
        return Picture(path, hashlib.sha256(data).hexdigest())

    def content(self, piece: Piece) -> Content:
        """A text, or the bytes of a picture.

        Raises:
            DataLoss: the picture's file is not what it was.
        """
        if isinstance(piece, str):
            return piece
        try:
            data = self._read(piece.file, self.limits.image_bytes)
        except InvalidArgument as error:
            raise DataLoss(f"{error.message}, but it was read before") from None
        if hashlib.sha256(data).hexdigest() != piece.digest:
            raise DataLoss(f"{piece.file}: it has changed since the suite was loaded")
        return data

    def _read(self, path: str, limit: int) -> bytes:
        with self._opened(path, os.O_NONBLOCK) as number, os.fdopen(os.dup(number), "rb") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise refusal(path, "it is no plain file")
            data = file.read(limit + 1)
        if len(data) > limit:
            raise refusal(path, f"it has more than {limit} bytes")
        return data

    @contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if path.startswith("/") or ".." in parts or "\0" in path:
            raise refusal(path, "a path must stay in the suite's folder")
        try:
            current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            if error.errno not in _OF_THE_PATH:
                raise
            raise refusal("the suite's folder", f"it cannot be read: {error.strerror}") from None
        try:
            for index, part in enumerate(parts):
                last = index == len(parts) - 1
                own = flags if last else os.O_DIRECTORY
                following = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | own, dir_fd=current)
                os.close(current)
                current = following
            yield current
        except OSError as error:
            if error.errno not in _OF_THE_PATH:
                raise
            if error.errno == errno.ENOENT:
                raise refusal(path, "it is not in the suite's folder") from None
            # With O_NOFOLLOW a link is ELOOP, or ENOTDIR where a folder is wanted.
            what = f"it cannot be read, nor may it be a link: {error.strerror}"
            raise refusal(path, what) from None
        finally:
            os.close(current)

"""What a plan is executed on, read from files, and what comes of it, printed or saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autoflow.cli.console import Output, one_line, printable
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.convert import content_from_proto, content_to_proto, content_type_to_proto
from autoflow.suites import Content, ContentType
from autoflow.suites.loading.files import Limits, is_picture
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import tool_service_pb2

_LIMITS = Limits()
_MOST_BYTES = max(_LIMITS.image_bytes, 4 * _LIMITS.text_characters)
_ENDINGS = {b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"RIFF": ".webp", b"BM": ".bmp", b"GIF": ".gif"}


@dataclass(frozen=True, slots=True)
class PlanFiles:
    """One sample that the answer's plan is executed on."""

    inputs: Sequence[Path]
    """Pictures and texts, told apart by their content."""
    output: ContentType
    """What is wanted."""
    save: Path | None
    """A folder for the output; None prints it."""

    def target(self) -> pb.PlanTarget:
        """Reads the inputs.

        Raises:
            CommandFailed: one cannot be read, or is neither a picture nor a text.
        """
        inputs = [content_to_proto(_read(path)) for path in self.inputs]
        return pb.PlanTarget(
            samples=[tool_service_pb2.ToolSample(inputs=inputs)], output=content_type_to_proto(self.output)
        )

    @contextmanager
    def place(self) -> Iterator[None]:
        """Has the folder for the output there in the block; what it made of it goes if nothing is saved.

        Raises:
            CommandFailed: it cannot be made.
        """
        folders = () if self.save is None else (self.save, *self.save.parents)
        made = [folder for folder in folders if not folder.exists()]
        try:
            for folder in reversed(made):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise CommandFailed(f"--save {self.save}: {error.strerror}", ExitCode.USAGE) from None
        try:
            yield
        finally:
            for folder in made:
                with suppress(OSError):  # It is not empty.
                    folder.rmdir()

    def deliver(self, executed: pb.ExecutePlanResponse, output: Output) -> bool:
        """Prints the output, or saves it and prints its path; with JSON, it was printed before.

        Args:
            executed: what came of the plan.
            output: where to print.

        Returns:
            Whether there is an output; else why not was noted.
        """
        if executed.outcome != pb.PLAN_OUTCOME_EXECUTED:
            output.note(f"the plan cannot be executed: {one_line(executed.detail)}")
            return False
        result = executed.results[0]
        if result.HasField("failure"):
            failure = result.failure
            where = f"step {failure.step + 1}, {one_line(failure.tool)}"
            output.note(f"the plan failed at {where}: {one_line(failure.message)}")
            return False
        content = content_from_proto(result.output)
        if self.save is not None:
            saved = self._saved(self.save, content)
            if not output.json:
                output.line(printable(str(saved)))
        elif isinstance(content, str) and not output.json:
            output.line(printable(content))
        return True

    @staticmethod
    def _saved(folder: Path, content: Content) -> Path:
        if isinstance(content, str):
            path = folder / "output.txt"
            path.write_text(content, encoding="utf-8")
            return path
        ending = next((ending for start, ending in _ENDINGS.items() if content.startswith(start)), ".bin")
        path = folder / f"output{ending}"
        path.write_bytes(content)
        return path


def _read(path: Path) -> Content:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        # ValueError: a path with a null byte.
        reason = (error.strerror if isinstance(error, OSError) else None) or "cannot be read"
        raise CommandFailed(f"{path}: {reason}", ExitCode.USAGE) from None
    text = _text(data)
    if len(data) > _MOST_BYTES or (text is not None and len(text) > _LIMITS.text_characters):
        allowed = f"{_LIMITS.image_bytes:,} bytes, a text {_LIMITS.text_characters:,} characters"
        raise CommandFailed(f"{path}: it is too large: a picture may have {allowed}", ExitCode.USAGE)
    if text is not None:
        return text
    if is_picture(data):
        return data
    kinds = "a picture (PNG, JPEG, WebP, BMP or GIF) nor a text in UTF-8"
    raise CommandFailed(f"{path}: it is neither {kinds}", ExitCode.USAGE)


def _text(data: bytes) -> str | None:
    """The bytes as a text without its last line feed; None where they are none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text.removesuffix("\n")

"""Logs are JSON lines that say which call they belong to."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from structlog.contextvars import bound_contextvars

from autoflow.server import logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged during the test; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    # `configure` closes the handlers that it removes, pytest's own among them.
    root.handlers = []
    logs.configure("INFO", stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)


def test_a_line_has_the_calls_id_and_the_values(written: io.StringIO) -> None:
    with bound_contextvars(request_id="abc"):
        logging.getLogger("autoflow.part").info("done", extra={"seconds": 0.5})

    line = json.loads(written.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "done",
        "level": "info",
        "logger": "autoflow.part",
        "request_id": "abc",
        "seconds": 0.5,
    }


def test_an_error_is_logged_with_its_trace_and_without_local_values(written: io.StringIO) -> None:
    def fail(prompt: str) -> None:
        raise KeyError(len(prompt))

    try:
        fail("a private prompt")
    except KeyError:
        logging.getLogger("autoflow.part").exception("failed")

    line = json.loads(written.getvalue())
    assert "in fail" in line["exception"]
    assert "KeyError: 16" in line["exception"]
    assert "private prompt" not in line["exception"].replace('fail("a private prompt")', "")


def test_what_is_below_the_level_is_not_written(written: io.StringIO) -> None:
    logging.getLogger("autoflow.part").debug("detail")

    assert written.getvalue() == ""


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        logs.configure("LOUD", io.StringIO())

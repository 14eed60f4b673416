"""Loading weights with transformers, one model at a time.

`from_pretrained` patches torch for as long as it runs, on every thread. Two at once in one process leave
weights on no device at all ("Cannot copy out of meta tensor"), those of every later load, too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils.logging import disable_progress_bar, enable_progress_bar, is_progress_bar_enabled

# What it guards is the process', and so is it.
_LOADING = threading.Lock()


@contextmanager
def loading() -> Iterator[None]:
    """Around a model's `from_pretrained`: waits for others, and shows no progress bar.

    A service's log is no place for one.
    """
    with _LOADING:
        shown = is_progress_bar_enabled()
        disable_progress_bar()
        try:
            yield
        finally:
            if shown:
                enable_progress_bar()

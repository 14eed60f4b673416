"""Functions of tensors through `torch.compile`, wherever that works.

What is compiled is a layer, not a model: a stack's layers are alike, so each shape is compiled once whatever
the depth, in seconds. A shape's first result is checked against the plain function's. Where the compiler
fails (no Triton, no C compiler, something that it does not know) or disagrees, that is logged once and the
plain function is used from then on.

Left out: CUDA graphs (the compiler's mode `reduce-overhead`). A graph's memory has fixed addresses, so what
all layers share would have each layer's weights copied in at every call; a whole model would have to be
compiled for each shape instead. Does not protect against a compiler that is right the first time and wrong
later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from typing import Any, Generic

import torch
from torch import Tensor

from autoflow_scorer.engine.packing import Parameters

_SHAPES = 256
"""That one function may be compiled for, of all models; beyond them it is called as it is."""

Backend = str | Callable[..., Any]
"""What `torch.compile` takes for one."""

_log = logging.getLogger(__name__)


class Compiled(Generic[Parameters]):
    """A function that is compiled for each shape of its tensors. For use in one thread at a time.

    Args:
        function: changes none of its arguments.
        backend: of `torch.compile`.
    """

    def __init__(self, function: Callable[Parameters, Tensor], backend: Backend) -> None:
        self._plain = function
        compiler: Any = torch.compile  # Its types do not know all that it takes.
        self._compiled: Callable[Parameters, Tensor] = compiler(
            function, fullgraph=True, dynamic=False, backend=backend, recompile_limit=_SHAPES
        )
        self._checked: set[Hashable] = set()
        self.failed = False
        """Whether the plain function is used."""

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Tensor:
        """Calls the function."""
        if self.failed:
            return self._plain(*args, **kwargs)
        shapes = tuple((each.shape, each.dtype) for each in args if isinstance(each, Tensor))
        try:
            found = self._compiled(*args, **kwargs)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # Compilers fail in many ways, and none of them matters to a caller.
            return self._give_up(error)(*args, **kwargs)
        if shapes not in self._checked:
            expected = self._plain(*args, **kwargs)
            if not _agree(found, expected):
                self._give_up(None)
                return expected
            self._checked.add(shapes)
        return found

    def _give_up(self, error: Exception | None) -> Callable[Parameters, Tensor]:
        self.failed = True
        why: Any = "it gives other numbers" if error is None else type(error).__name__
        _log.warning("layers run uncompiled, which is slower", extra={"reason": why}, exc_info=error)
        return self._plain


def _agree(found: Tensor, expected: Tensor) -> bool:
    """Whether two results differ by rounding alone."""
    tolerance = max(1e-5, 4 * torch.finfo(expected.dtype).eps)
    difference = (found.float() - expected.float()).norm()
    return bool(difference <= tolerance * expected.float().norm())

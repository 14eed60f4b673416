"""The earlier answers whose descriptions are nearest to the instruction.

Nearness is the cosine of their embeddings. What lies below a floor is not near, however few there are: the
floor belongs to the embedding's model, for cosines of unrelated texts differ from model to model.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from operator import mul

from autoflow.llm import Embedder, Vector
from autoflow_interpreter.limits import BoundedModel
from autoflow_interpreter.memory.entries import Entry
from autoflow_interpreter.memory.selective import Selection


class Nearest:
    """Picks by embeddings, which are made once for each text of an execution.

    Args:
        embedder: makes them.
        top: the most entries that are picked.
        floor: the least cosine, in [-1, 1].
    """

    def __init__(self, embedder: Embedder, *, top: int, floor: float) -> None:
        self._embedder = embedder
        self._top = top
        self._floor = floor
        self._vectors: dict[str, array[float]] = {}
        """Each of length 1."""

    async def select(self, instruction: str, entries: Sequence[Entry], model: BoundedModel) -> Selection:
        """See `Selector`: one call for all that is new."""
        wanted = dict.fromkeys([instruction, *(entry.description for entry in entries)])
        if new := [text for text in wanted if text not in self._vectors]:
            made = await model.embed(self._embedder, new)
            self._vectors.update(zip(new, map(_unit, made), strict=True))
        sought = self._vectors[instruction]
        near = [
            (sum(map(mul, sought, self._vectors[entry.description])), place)
            for place, entry in enumerate(entries)
        ]
        # Among equals the newest.
        picked = sorted((each for each in near if each[0] >= self._floor), reverse=True)[: self._top]
        return Selection({place: cosine for cosine, place in picked})


def _unit(vector: Vector) -> array[float]:
    """The vector with a length of 1; one of length 0 stays as it is, near to nothing."""
    length = math.hypot(*vector) or 1.0
    return array("f", [part / length for part in vector])

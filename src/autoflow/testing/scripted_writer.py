"""A model that writes workflows badly, and corrects them when it is told: now rightly, now not.

It keeps no state. Which text it writes stands in the goal (`case 17`); how often it was corrected it sees in
the chat. So a call that is made again, also after a failure, has the same answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from autoflow.llm import Message, Role

_CASE = re.compile(r"\bcase (\d+)\b")


class ScriptedWriter:
    """Says what is written; a script of `ScriptedModel`.

    Args:
        texts: what it writes at first, by case.
        right: what it writes where it corrects rightly.
        share: how often it does, 0 to 1; elsewhere it writes its text again.
        seed: decides when.
    """

    def __init__(self, texts: Sequence[str], right: str, *, share: float = 0.5, seed: int = 0) -> None:
        self._texts = tuple(texts)
        self._right = right
        self._share = share
        self._seed = seed

    def __call__(self, messages: Sequence[Message]) -> str:
        """What it answers to a chat.

        Raises:
            ValueError: the chat names no case.
        """
        found = next((found for message in messages if (found := _CASE.search(message.content))), None)
        if found is None:
            raise ValueError("the goal names no case")
        case = int(found[1])
        written = sum(message.role is Role.ASSISTANT for message in messages)
        if written and self._is_right(case, written):
            return self._right
        return self._texts[case]

    def corrections(self, case: int, most: int) -> int | None:
        """How many corrections a case takes where the first draw will not do; None where more than `most`."""
        return next((written for written in range(1, most + 1) if self._is_right(case, written)), None)

    def _is_right(self, case: int, written: int) -> bool:
        return random.Random(f"{self._seed}/{case}/{written}").random() < self._share

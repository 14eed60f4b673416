"""What an execution remembers: one entry for each answer, and one for what each tool brought."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass

from autoflow.suites import Content
from autoflow_interpreter.memory.base import Observation
from autoflow_interpreter.memory.contents import Held, held

_INSTRUCTION_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Entry:
    """What one step answered, once, or what its tool brought."""

    key: str
    """`<step> #<n>`: the n-th answer of that step, from 1; `<step> #<n> <tool>`: what its tool brought. No
    two entries of an execution share one."""
    description: str
    """What the content holds: the instruction, shortened, and the content's kind and size. One line."""
    content: Held


class Keys:
    """The keys of one execution."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def next(self, step: str) -> str:
        """The key of a step's next answer."""
        self._given[step] += 1
        return f"{step} #{self._given[step]}"


class Entries(list[Entry]):
    """The entries of one execution, the oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self._keys = Keys()

    def remember(self, step: str, instruction: str, content: Content) -> Entry:
        """Adds what a step answered.

        Args:
            step: its name.
            instruction: what it was told to do.
            content: its answer.
        """
        found = held(content)
        told = textwrap.shorten(instruction, _INSTRUCTION_CHARACTERS, placeholder=" …")
        entry = Entry(self._keys.next(step), f"{told} ({found.summary})", found)
        self.append(entry)
        return entry

    def observe(self, entry: Entry, observation: Observation) -> Entry:
        """Adds what the tool of a step brought.

        Args:
            entry: the step's answer.
            observation: what it brought, or why it brought nothing.
        """
        found = held(observation.text)
        told = textwrap.shorten(observation.arguments, _INSTRUCTION_CHARACTERS, placeholder=" …")
        came = "failed: " if observation.failed else ""
        description = f"{observation.tool} {told} ({came}{found.summary})"
        observed = Entry(f"{entry.key} {observation.tool}", description, found)
        self.append(observed)
        return observed

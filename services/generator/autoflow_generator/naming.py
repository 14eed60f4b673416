"""The names of a workflow's steps, asked for before the workflow where a grammar has to know them.

They are asked for once a request, so that all its candidates are drawn under the same grammar: whoever learns
from them can compute their likelihood again.
"""

from __future__ import annotations

from autoflow.language import named_grammar, names_grammar
from autoflow.llm import Grammar

_FALLBACK = "Step 1"


def grammar_of_names(max_steps: int) -> Grammar:
    """The grammar of the answer to `autoflow.prompts.step_names`."""
    return Grammar(*names_grammar(max_steps))


def grammar_with(names: tuple[str, ...]) -> Grammar:
    """The grammar of the workflows with these steps."""
    return Grammar(*named_grammar(names))


def read_names(text: str) -> tuple[str, ...]:
    """The names in an answer, each once.

    Args:
        text: drawn under `grammar_of_names`. What stands in no whole line was cut off, and is left out.

    Returns:
        One name or more; of a text that was cut off in its first line, a number for it.
    """
    names: dict[str, str] = {}
    for line in text[: text.rfind("\n") + 1].splitlines():
        names.setdefault(line.casefold(), line)
    return tuple(names.values()) or (_FALLBACK,)

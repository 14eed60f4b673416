"""Bounds what tools say, where it can be seen."""

from __future__ import annotations


def cut(text: str, characters: int) -> str:
    """A text of at most about so many characters; a longer one ends with how much of it is missing."""
    if len(text) <= characters:
        return text
    return f"{text[:characters]}… cut after {characters} characters of {len(text)}"

"""A calculator: arithmetic on decimal numbers, by a parser of its own.

    sum      = product { ("+" | "-") product }
    product  = sign { ("*" | "/" | "//" | "%") sign }
    sign     = ("+" | "-") sign | power
    power    = atom [ ("^" | "**") sign ]
    atom     = number | "pi" | "e" | function "(" sum { "," sum } ")" | "(" sum ")"

Numbers are exact fractions, so `0.1 + 0.2` is `0.3` and `1/3*3` is `1`; roots, and powers that are no whole
number, are decimals of 50 digits. Precedence and signs are those of Python: `-2^2` is -4, `2^3^2` is 512, and
`//` and `%` round down.

Nothing of what is written is ever executed. Length, depth and the size of every number on the way are
bounded, so that no expression takes long: `9^9^9` is refused before it is begun.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

from autoflow.suites import ContentType, Tool
from autoflow.tools.built_in.arithmetic import CONSTANTS, FUNCTIONS, PRODUCTS, bounded, power, shown, times
from autoflow.tools.built_in.source import CannotDo

MOST_CHARACTERS = 1000
_MOST_DEPTH = 50

_SCHEMA = {
    "type": "object",
    "properties": {
        "expression": {
            "type": "string",
            "minLength": 1,
            "maxLength": MOST_CHARACTERS,
            "description": "such as (12.5 + 3) * 4 or sqrt(2) ^ 3",
        }
    },
    "required": ["expression"],
    "additionalProperties": False,
}
_TOKEN = re.compile(
    r"\s*(?:((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)|([a-z]+)|(\*\*|//|[-+*/%^(),]))", re.ASCII
)


class Calculator:
    """The tool; see `BuiltInTool`."""

    tool = Tool(
        "calculator",
        "computes an arithmetic expression on decimal numbers: + - * / // % ^, brackets, pi, e and the "
        "functions abs, ceil, floor, max, min, round, sqrt; exact, or rounded to 30 digits",
        (ContentType.TEXT,),
        ContentType.TEXT,
        arguments_schema=json.dumps(_SCHEMA),
        idempotent=True,
    )

    def __call__(self, **arguments: Any) -> str:
        """Computes `expression`.

        Raises:
            CannotDo: it is none, or has no value that could be shown.
        """
        return shown(value_of(str(arguments["expression"])))


def value_of(expression: str) -> Fraction:
    """The value of an expression.

    Raises:
        CannotDo: it is none, or has no value, or one that is too large.
    """
    if len(expression) > MOST_CHARACTERS:
        raise CannotDo(f"the expression has {len(expression)} characters; {MOST_CHARACTERS} are allowed")
    return _Parser(expression).value()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._number = self._word = self._sign = ""
        self._begin = 0
        self._next()

    def value(self) -> Fraction:
        found = self._sum()
        if not self._ended:
            raise self._wrong("an operator")
        return found

    @property
    def _ended(self) -> bool:
        return not (self._number or self._word or self._sign)

    def _next(self) -> None:
        """Goes on to the next token: a number, a word or a sign; none of them at the end."""
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            self._number = self._word = self._sign = ""
            rest = self._text[self._at :]
            self._begin = len(self._text) - len(rest.lstrip())
            if rest.strip():
                raise self._wrong("a number, a name, an operator or a bracket")
            return
        self._number, self._word, self._sign = (group or "" for group in match.groups())
        self._at, self._begin = match.end(), match.end() - len(match[0].lstrip())

    def _sum(self) -> Fraction:
        self._deeper()
        left = self._product()
        while self._sign in ("+", "-"):
            adds = self._take() == "+"
            right = self._product()
            left = bounded(left + right if adds else left - right)
        self._depth -= 1
        return left

    def _product(self) -> Fraction:
        left = self._signed()
        while self._sign in PRODUCTS:
            work = PRODUCTS[self._take()]
            right = self._signed()
            if not right and work is not times:
                raise CannotDo("the expression divides by zero")
            left = bounded(work(left, right))
        return left

    def _signed(self) -> Fraction:
        negative = False
        while self._sign in ("+", "-"):
            negative ^= self._take() == "-"
        found = self._power()
        return -found if negative else found

    def _power(self) -> Fraction:
        base = self._atom()
        if self._sign not in ("^", "**"):
            return base
        self._take()
        self._deeper()
        found = power(base, self._signed())
        self._depth -= 1
        return found

    def _atom(self) -> Fraction:
        if self._number:
            found = bounded(Fraction(self._number))
            self._next()
            return found
        if self._word:
            return self._named()
        self._expect("(", "a number, a name or a bracket")
        found = self._sum()
        self._expect(")", "a closing bracket")
        return found

    def _named(self) -> Fraction:
        name = self._word
        if name in CONSTANTS:
            self._next()
            return CONSTANTS[name]
        if name not in FUNCTIONS:
            there = ", ".join([*CONSTANTS, *FUNCTIONS])
            raise CannotDo(f"there is nothing named {name[:40]!r}; there are: {there}")
        self._next()
        self._expect("(", f"a bracket after {name}")
        found = [self._sum()]
        while self._sign == ",":
            self._next()
            found.append(self._sum())
        self._expect(")", "a closing bracket")
        least, most, work = FUNCTIONS[name]
        if not least <= len(found) <= most:
            raise CannotDo(
                f"{name} takes {least if least == most else f'{least} to {most}'} numbers, not {len(found)}"
            )
        return bounded(work(*found))

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise CannotDo(f"the expression is nested more than {_MOST_DEPTH} levels deep")

    def _take(self) -> str:
        sign = self._sign
        self._next()
        return sign

    def _expect(self, sign: str, words: str) -> None:
        if self._sign != sign:
            raise self._wrong(words)
        self._next()

    def _wrong(self, wanted: str) -> CannotDo:
        there = repr(self._text[self._begin : self._begin + 10]) if self._text[self._begin :] else "the end"
        return CannotDo(
            f"{wanted} is wanted at character {self._begin + 1} of the expression, and there is {there}"
        )

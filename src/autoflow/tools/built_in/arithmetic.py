"""The arithmetic of the calculator: exact fractions of bounded size; decimals for roots and their like."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException
from fractions import Fraction
from types import MappingProxyType

from autoflow.tools.built_in.source import CannotDo

_MOST_BITS = 10_000
"""Of the numerator and of the denominator of every number on the way."""
_DIGITS = 30
"""Of an answer that is no whole number, or a longer one than is shown."""
_MOST_WHOLE = 60
"""Digits of a whole number that are shown all."""
_IRRATIONAL = Context(prec=50, Emax=5000, Emin=-5000)


def shown(number: Fraction) -> str:
    """A number in decimal digits: exact where few are enough, else rounded."""
    if number.denominator == 1 and abs(number.numerator) < 10**_MOST_WHOLE:
        return str(number.numerator)
    context = Context(prec=_DIGITS, Emax=5000, Emin=-5000)
    rounded = context.divide(Decimal(number.numerator), Decimal(number.denominator)).normalize(context)
    return format(rounded, "f") if -_DIGITS < rounded.adjusted() < _MOST_WHOLE else str(rounded)


def times(left: Fraction, right: Fraction) -> Fraction:
    """The product."""
    return left * right


PRODUCTS: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = MappingProxyType(
    {
        "*": times,
        "/": lambda left, right: left / right,
        "//": lambda left, right: Fraction(left // right),
        "%": lambda left, right: left % right,
    }
)


def power(base: Fraction, exponent: Fraction) -> Fraction:
    """A power: exact where the exponent is a whole number.

    Raises:
        CannotDo: there is none, or it would be too large; which is told before it is begun.
    """
    if not base and exponent < 0:
        raise CannotDo("the expression divides by zero")
    if exponent.denominator == 1:
        # This is how long it would get.
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits > 1 and bits * abs(exponent) > _MOST_BITS:
            raise _too_large()
        # Of -1, 0 and 1 every power is as small.
        return (
            base**exponent.numerator if bits > 1 else base ** (exponent.numerator % 2 or 2 * bool(exponent))
        )
    if base < 0:
        raise CannotDo("a negative number has no such power")
    return _irrational(lambda: _IRRATIONAL.power(_decimal(base), _decimal(exponent)))


def _irrational(work: Callable[[], Decimal]) -> Fraction:
    try:
        return bounded(Fraction(work()))
    except (DecimalException, ArithmeticError):
        raise _too_large() from None


def _decimal(number: Fraction) -> Decimal:
    return _IRRATIONAL.divide(Decimal(number.numerator), Decimal(number.denominator))


def _root(number: Fraction) -> Fraction:
    if number < 0:
        raise CannotDo("a negative number has no square root")
    exact = Fraction(math.isqrt(number.numerator), math.isqrt(number.denominator))
    return exact if exact * exact == number else _irrational(lambda: _IRRATIONAL.sqrt(_decimal(number)))


def _rounded(number: Fraction, places: Fraction = Fraction(0)) -> Fraction:
    if places.denominator != 1 or not 0 <= places <= _DIGITS:
        raise CannotDo(f"round takes 0 to {_DIGITS} places")
    # As one learns it at school: a half goes away from zero.
    scaled = abs(number) * 10**places.numerator
    return Fraction(math.floor(scaled + Fraction(1, 2)), 10**places.numerator) * (-1 if number < 0 else 1)


def bounded(number: Fraction) -> Fraction:
    """The number itself.

    Raises:
        CannotDo: it takes too many digits.
    """
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > _MOST_BITS:
        raise _too_large()
    return number


def _too_large() -> CannotDo:
    return CannotDo("a number of the expression is too large, or too small, or has too many digits")


CONSTANTS: Mapping[str, Fraction] = MappingProxyType(
    {
        "pi": Fraction("3.14159265358979323846264338327950288419716939937510"),
        "e": Fraction("2.71828182845904523536028747135266249775724709369995"),
    }
)
_MANY = 100
FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Fraction]]] = MappingProxyType(
    {
        "abs": (1, 1, abs),
        "ceil": (1, 1, lambda number: Fraction(math.ceil(number))),
        "floor": (1, 1, lambda number: Fraction(math.floor(number))),
        "max": (1, _MANY, lambda *numbers: max(numbers)),
        "min": (1, _MANY, lambda *numbers: min(numbers)),
        "round": (1, 2, _rounded),
        "sqrt": (1, 1, _root),
    }
)
"""The least and the most numbers that a function takes, and what it does."""

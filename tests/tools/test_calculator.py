"""The calculator against Python's own fractions, and what it refuses."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.tools.built_in.arithmetic import shown
from autoflow.tools.built_in.calculator import Calculator, value_of
from autoflow.tools.built_in.source import CannotDo

numbers = st.decimals(min_value=0, max_value=10**6, places=3).map(lambda number: f"{number:f}")


def python(text: str) -> Fraction | None:
    """The value by Python's parser and fractions: every number of the text becomes one."""
    operators: dict[type, Callable[[Fraction, Fraction], Any]] = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
        ast.Pow: operator.pow,
    }

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant():
                segment = ast.get_source_segment(text, node)
                assert segment is not None
                return Fraction(segment)
            case ast.UnaryOp(ast.USub(), operand):
                return -value(operand)
            case ast.UnaryOp(_, operand):
                return value(operand)
            case ast.BinOp(left, sign, right):
                return Fraction(operators[type(sign)](value(left), value(right)))
        raise AssertionError(node)

    try:
        return value(ast.parse(text, mode="eval").body)
    except ZeroDivisionError:
        return None


expressions = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", " - ", "*", "/", "//", "%"]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
        inner.map(lambda text: f"({text})**{len(text) % 4}"),
        inner.map(lambda text: f"-({text})**-{len(text) % 3}"),
    ),
    max_leaves=12,
)


def told(text: str) -> Fraction | str:
    """The value, or why there is none."""
    try:
        return value_of(text)
    except CannotDo as refused:
        return str(refused)


@given(expressions.filter(lambda text: len(text) < 900))
def test_it_computes_what_python_does(text: str) -> None:
    found = told(text)
    if isinstance(found, str) and "too many digits" in found:
        return
    assert found == (python(text) if python(text) is not None else "the expression divides by zero")


@given(st.fractions(), st.integers(-200, 200))
def test_what_is_shown_is_the_number_rounded_to_30_digits(number: Fraction, power: int) -> None:
    scaled = number * Fraction(10) ** power
    text = shown(scaled)
    if scaled.denominator == 1 and abs(scaled) < 10**60:
        assert text == str(scaled.numerator)
    else:
        context = Context(prec=30)
        rounded = context.divide(Decimal(scaled.numerator), Decimal(scaled.denominator))
        assert Decimal(text) == rounded


@given(st.text(max_size=60) | st.text(alphabet="0123456789.+-*/%^() ,eabsqrtminmax", max_size=200))
def test_it_takes_any_text(text: str) -> None:
    found = told(text)
    assert found if isinstance(found, str) else Decimal(shown(found)).is_finite()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("0.1 + 0.2", "0.3"),
        ("1/3*3", "1"),
        ("1/3", "0.333333333333333333333333333333"),
        ("-2^2", "-4"),
        ("2^3^2", "512"),
        ("2**-2", "0.25"),
        ("-7 // 2", "-4"),
        ("-7 % 3", "2"),
        ("1.50 * 2", "3"),
        (".5 + 5.", "5.5"),
        ("1e3 + 2E-1", "1000.2"),
        ("(-1)^1000000007", "-1"),
        ("(-1)^1000000008", "1"),
        ("0^0", "1"),
        ("0^5 + 1^99999999", "1"),
        ("sqrt(2)^2", "2"),
        ("sqrt(1/4)", "0.5"),
        ("2^0.5", "1.41421356237309504880168872421"),
        ("round(2.345, 2) + round(-2.5)", "-0.65"),
        ("max(1, 2, abs(-3)) - min(4, 5)", "-1"),
        ("ceil(1.2) * floor(-1.2)", "-4"),
        ("pi", "3.14159265358979323846264338328"),
        ("e", "2.71828182845904523536028747135"),
        ("2^100", str(2**100)),
        ("10^70", "1E+70"),
        ("1/10^40", "1E-40"),
    ],
)
def test_examples(text: str, result: str) -> None:
    assert Calculator()(expression=text) == result


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "",
            "a number, a name or a bracket is wanted at character 1 of the expression, and there is the end",
        ),
        ("1 +", "there is the end"),
        ("1 2", "an operator is wanted at character 3 of the expression, and there is '2'"),
        ("(1", "a closing bracket is wanted"),
        ("1)", "an operator is wanted"),
        ("1/0", "divides by zero"),
        ("0^-1", "divides by zero"),
        ("5 % (1-1)", "divides by zero"),
        ("9^9^9", "too large"),
        ("9^99999^-1 * 2^99999", "too large"),
        ("2^-99999", "too large"),
        ("(-8)^0.5", "no such power"),
        ("sqrt(-1)", "no square root"),
        ("1e9999", "an operator is wanted"),
        ("(" * 60 + "1" + ")" * 60, "nested more than 50"),
        ("2^" * 60 + "1", "nested more than 50"),
        ("1+" * 600 + "1", "1201 characters"),
        ("import os", "nothing named 'import'; there are: pi, e, abs"),
        ("__import__('os')", "a number, a name, an operator or a bracket is wanted at character 1"),
        ("sqrt(1, 2)", "sqrt takes 1 numbers, not 2"),
        ("sqrt 2", "a bracket after sqrt is wanted"),
        ("round(1, 0.5)", "0 to 30 places"),
        ("1 & 2", "is wanted at character 3"),
    ],
)
def test_what_it_refuses_it_explains(text: str, words: str) -> None:
    with pytest.raises(CannotDo) as refused:
        value_of(text)
    assert words in str(refused.value)


def test_the_constants_are_right() -> None:
    assert abs(value_of("pi") - Fraction(math.pi)) < Fraction(1, 10**15)
    assert abs(value_of("e") - Fraction(math.e)) < Fraction(1, 10**15)

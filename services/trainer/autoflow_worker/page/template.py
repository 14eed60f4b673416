"""Templates of pages: each is one HTML file that needs nothing else.

Texts in them came from models, tools and suites: templates escape them, and a policy in the page's head
forbids browsers to load or run anything. A template extends `base.html.j2`, and may import `parts.html.j2`.
"""

from __future__ import annotations

from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template


def environment() -> Environment:
    """Where templates are made; it finds the shared ones by name."""
    made = Environment(
        loader=FunctionLoader(lambda name: _text(__package__, name)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["figure"] = _figure
    return made


def template(made: Environment, package: str, name: str) -> Template:
    """A template that lies beside the modules of a package."""
    return made.from_string(_text(package, name))


def _text(package: str, name: str) -> str:
    return (resources.files(package) / name).read_text(encoding="utf-8")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

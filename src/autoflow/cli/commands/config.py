"""`autoflow config`: the settings of all services, and what this environment makes of them."""

from __future__ import annotations

import os
from typing import Any

import typer
from rich.padding import Padding
from rich.text import Text

from autoflow.cli.config.describe import Setting
from autoflow.cli.config.values import Value, every_setting, every_value
from autoflow.cli.console import Output, one_line
from autoflow.cli.options import JsonOption

app = typer.Typer(
    name="config",
    help="Explain the settings of all services, and show what the environment makes of them.",
    no_args_is_help=True,
)


@app.command()
def explain(json: JsonOption = False) -> None:
    """List every setting: its variable, type, default and meaning.

    Settings of services that are not installed are left out.
    """
    output = Output(json)
    settings = every_setting()
    if json:
        output.document({"settings": [_explained(setting) for setting in settings]})
        return
    readers = ""
    for setting in settings:
        if setting.readers != readers:
            readers = setting.readers
            output.line(Text(f"# {readers}", "bold"))
        output.line(_headline(setting))
        output.result(Padding(Text(setting.meaning, "dim"), (0, 0, 0, 4)))


@app.command()
def show(json: JsonOption = False) -> None:
    """Show the value of every setting in this environment, and whether it was set. Secrets are masked.

    Exit status: 0 if every variable can be read; 2 if one cannot, which is named.
    """
    output = Output(json)
    values = every_value(os.environ)
    if json:
        output.document({"settings": [_shown(value) for value in values]})
        return
    # A variable that several processes read has one value.
    for value in {value.setting.variable: value for value in values}.values():
        output.line(_assignment(value))


def _headline(setting: Setting) -> Text:
    default = "required" if setting.required else f"default {setting.shown(setting.default) or 'empty'}"
    return Text.assemble((setting.variable, "cyan"), f"  {setting.type}, {one_line(default)}")


def _assignment(value: Value) -> Text:
    shown = "" if value.value is None else one_line(value.value)
    style = "bold" if value.source == "environment" else ""
    return Text.assemble((value.setting.variable, style), f"={shown}", (f"  ({value.source})", "dim"))


def _explained(setting: Setting) -> dict[str, Any]:
    return {
        "variable": setting.variable,
        "type": setting.type,
        "required": setting.required,
        "default": None if setting.required else setting.shown(setting.default),
        "meaning": setting.meaning,
        "read_by": setting.readers.split(", "),
    }


def _shown(value: Value) -> dict[str, Any]:
    return {"variable": value.setting.variable, "value": value.value, "source": value.source}

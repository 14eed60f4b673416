"""Shows a catalogue: this environment's, or that of a running generator."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import Output, one_line
from autoflow.cli.reaching import reaching
from autoflow.cli.wire import to_json
from autoflow.client import Client
from autoflow.convert import model_to_proto
from autoflow.llm.catalogue import default_catalogue
from autoflow.v1 import model_pb2
from autoflow.v1.generator_service_pb2 import ListModelsRequest


async def list_models(generator: str | None, output: Output) -> None:
    """Prints the models of a catalogue.

    Args:
        generator: `host:port` of the one to ask; None reads the catalogue of this environment.
        output: where to print.
    """
    models = _own() if generator is None else await _of(generator)
    if output.json:
        output.document({"models": [to_json(model) for model in models]})
        return
    output.result(_table(models))
    for model in models:
        if model.unavailable_reason:
            output.note(one_line(f"{model.name} cannot be called: {model.unavailable_reason}"))


def _own() -> Sequence[model_pb2.Model]:
    return [model_to_proto(model) for model in default_catalogue(os.environ).descriptions]


async def _of(address: str) -> Sequence[model_pb2.Model]:
    async with Client(generator=address) as client:
        with reaching("generator", address):
            return (await client.generator.list_models(ListModelsRequest())).models


def _table(models: Sequence[model_pb2.Model]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("model", "provider", "context"):
        table.add_column(name, no_wrap=True)
    table.add_column("USD per million in/out", no_wrap=True)
    table.add_column("can")
    for model in models:
        table.add_row(
            Text(one_line(model.name), "dim" if model.unavailable_reason else "bold"),
            Text(one_line(model.provider)),
            Text(f"{model.context_tokens:,}" if model.context_tokens else "?"),
            Text(_prices(model)),
            Text(" ".join(_abilities(model.capabilities))),
        )
    return table


def _prices(model: model_pb2.Model) -> str:
    if not model.HasField("prices"):
        return "-"
    return f"{model.prices.prompt_usd_per_million:g}/{model.prices.completion_usd_per_million:g}"


def _abilities(can: model_pb2.ModelCapabilities) -> list[str]:
    flags = [
        field.name for field in can.DESCRIPTOR.fields if field.name != "max_n" and getattr(can, field.name)
    ]
    return [*flags, f"n<={can.max_n}"] if can.max_n > 1 else flags

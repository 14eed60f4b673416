"""Probes the models of this environment's catalogue."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from autoflow.cli.console import Output, one_line
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.llm import UnknownModel
from autoflow.llm.catalogue import Catalogue, default_catalogue
from autoflow.llm.probe import Finding, Verdict, probe

_STYLES = {
    Verdict.WORKS: "green",
    Verdict.IGNORED: "bold red",
    Verdict.REFUSED: "bold red",
    Verdict.FAILED: "bold red",
    Verdict.UNCLEAR: "yellow",
    Verdict.NOT_TRIED: "dim",
}


async def check_models(names: Sequence[str], max_tokens: int, seconds: float, output: Output) -> bool:
    """Probes models and prints what was found.

    Args:
        names: which; empty: all that can be called.
        max_tokens: of one answer.
        seconds: the most that one probe may take.
        output: where to print.

    Returns:
        Whether all that is stated holds.

    Raises:
        CommandFailed: a model is unknown, or its library or key is missing.
    """
    catalogue = default_catalogue(os.environ)
    wanted = tuple(dict.fromkeys(names)) or tuple(
        model.name for model in catalogue.descriptions if not model.unavailable_reason
    )
    sound = True
    try:
        for name in wanted:
            findings = await _findings(catalogue, name, max_tokens, seconds)
            sound = sound and all(finding.holds for finding in findings)
            _show(name, findings, output)
    except UnknownModel as error:
        raise CommandFailed(str(error), ExitCode.USAGE) from None
    finally:
        await catalogue.close()
    return sound


async def _findings(catalogue: Catalogue, name: str, max_tokens: int, seconds: float) -> list[Finding]:
    model = await catalogue.get(name)
    probing = probe(model, catalogue.pretender(name), max_tokens=max_tokens, seconds=seconds)
    return [finding async for finding in probing]


def _show(name: str, findings: Sequence[Finding], output: Output) -> None:
    understated = [finding.capability for finding in findings if finding.understated]
    if output.json:
        output.record(
            {
                "model": name,
                "holds": all(finding.holds for finding in findings),
                "findings": [_json(finding) for finding in findings],
            }
        )
        return
    output.line(Text(one_line(name), "bold"))
    output.result(_table(findings))
    if understated:
        output.note(one_line(f"{name} answers what is not stated: {', '.join(understated)}"))


def _table(findings: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        style = _STYLES[finding.verdict] if finding.stated else "dim"
        table.add_row(
            Text(f"  {finding.capability}"),
            Text("stated" if finding.stated else "not stated", "dim"),
            Text(finding.verdict, style),
            Text(one_line(finding.detail), "dim"),
        )
    return table


def _json(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "holds": finding.holds}

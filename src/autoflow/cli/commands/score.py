"""`autoflow score`: outputs against references."""

from __future__ import annotations

from typing import Annotated

import typer

from autoflow.cli.console import Output
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.options import JsonOption, ScorerOption


def score(
    metrics: Annotated[
        list[str],
        typer.Option("--metric", "-m", metavar="NAME", help="A metric; may be given more than once."),
    ],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="TEXT|@FILE", help="The output: a text, or a file of one."),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option("--reference", "-r", metavar="TEXT|@FILE", help="What it is compared with."),
    ] = None,
    pairs: Annotated[
        str | None,
        typer.Option("--pairs", metavar="FILE", help="JSON lines of up to 4,096 pairs; `-`: standard input."),
    ] = None,
    idf: Annotated[
        bool,
        typer.Option("--idf", metavar="", help="BERTScore weighs rare tokens of the references more."),
    ] = False,
    rescale: Annotated[
        bool,
        typer.Option("--rescale", metavar="", help="BERTScore gives unrelated texts about 0."),
    ] = False,
    scorer: ScorerOption = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=0.1, max=3600, help="Limit on time, the loading of models included."),
    ] = 120.0,
    json: JsonOption = False,
) -> None:
    """Score outputs against references.

    A file that ends in .png, .jpg, .jpeg, .webp, .bmp or .gif is a picture, every other one a text. A line of
    --pairs is an object such as `{"output": "a cat", "reference": "the cat"}`; `output_image` and
    `reference_image` name pictures, from the folder of that file. With --json, a line for each pair. For plan
    metrics use the client: their references are more than a text.

    For example:

    - `autoflow score -m rougeL -m chrf -o "a cat sits" -r "the cat sits"`

    - `autoflow score -m clip -o @cat.png -r "a red cat"`

    - `autoflow score -m bertscore --idf --pairs pairs.jsonl --json`

    Exit status: 0 whatever the scores; 2 if a metric is unknown, not available, or does not compare such
    pairs, or a file cannot be read; 3 if no scorer can be reached.
    """
    from autoflow.cli.metrics.pairs import pair_of, read_pairs
    from autoflow.cli.metrics.scores import score_pairs
    from autoflow.cli.runtime import run
    from autoflow.v1.scorer_service_pb2 import BertScoreOptions

    if pairs is not None and output is None and reference is None:
        wanted = read_pairs(pairs)
    elif pairs is None and output is not None and reference is not None:
        wanted = [pair_of(output, reference)]
    else:
        raise CommandFailed("name either --output and --reference, or --pairs", ExitCode.USAGE)
    options = BertScoreOptions(idf=idf, rescale_with_baseline=rescale)
    run(score_pairs(wanted, metrics, options, scorer, timeout, Output(json)))

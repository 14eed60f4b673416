"""Ten thousand distinct texts for three readers of the decoding grammar: `python -m benchmarks.grammars`.

xgrammar reads the EBNF, lark the Lark form, and the third is our own parser and linter: the grammar generates
exactly the texts that lint without an error, are their own canonical text, and whose workflow has the narrow
shape that the documentation of `decoding_grammar` states. Prints one JSON object on one line: how many texts
of each kind all three accepted or rejected, and the first disagreements. Ends with 1 where there is one, or
where fewer texts than asked for were accepted, or rejected.

Left out: OpenAI's own reader of Lark grammars, which only its endpoint has.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import asdict

from tests.language.agreement import Sample, Verdicts, samples, verdicts

_TOLD = 10


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--each", type=int, default=3_000, help="how many must be accepted, and how many not")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.monotonic()
    accepted: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    differing: list[tuple[Sample, Verdicts]] = []
    for sample in samples(given.texts, given.seed):
        said = verdicts(sample)
        if not said.agree:
            differing.append((sample, said))
        else:
            (accepted if said.ebnf else rejected)[sample.kind] += 1
    report = {
        "seed": given.seed,
        "texts": given.texts,
        "seconds": round(time.monotonic() - started, 1),
        "accepted": {"all": accepted.total(), **dict(sorted(accepted.items()))},
        "rejected": {"all": rejected.total(), **dict(sorted(rejected.items()))},
        "disagreements": len(differing),
        "first_disagreements": [asdict(sample) | asdict(said) for sample, said in differing[:_TOLD]],
    }
    print(json.dumps(report))
    sys.exit(1 if differing or min(accepted.total(), rejected.total()) < given.each else 0)


if __name__ == "__main__":
    main()

"""How many candidates are valid workflows, and whether an invalid one ever passes for valid.

`python -m benchmarks.valid_workflows` prints one JSON object a line, over real gRPC in this process:

* `embedded_grammar`: the embedded model under its grammar, at temperature 1. Every sample that the token
  limit does not cut off is valid.
* `embedded_free`: the same model without a grammar, by what is done about a draw.
* `malformed`: a scripted model that writes every malformed text of the tests' corpus, and corrects rightly in
  half of the cases; also by JSON, for a model that takes a schema.
* `failing_endpoint`: the same texts from an HTTP endpoint that fails a fifth of its calls, and from one that
  fails none: the candidates are the same.

Ends with 1 where one of these sentences is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autoflow.client import Client
from autoflow.client.generator import GeneratorClient
from autoflow.convert import tool_to_proto
from autoflow.language import check, to_json
from autoflow.llm import Capabilities, Message, Role, tiny
from autoflow.llm.catalogue import Catalogue, default_catalogue
from autoflow.suites import load_suite
from autoflow.testing import FaultPlan, ScriptedEndpoint, ScriptedModel, catalogue_of, serving
from autoflow.testing.scripted_writer import ScriptedWriter
from autoflow.v1 import generator_service_pb2 as pb
from autoflow.v1 import model_pb2
from autoflow_generator import build
from tests.language.corpus import corpus
from tests.llm.endpoints import write_catalogue

RIGHT = "Step 1:::process:::Name the input:::next::Step 2\nStep 2:::terminal:::Give the plan\n"
_MENDINGS = {"none": pb.MENDING_NONE, "repair": pb.MENDING_REPAIR, "correct": pb.MENDING_CORRECT}
_ENOUGH = 0.95
_TOKENS = 384
_LIMITS = {"attempts": 8, "attempt_timeout": 1, "timeout": 120}
_IN_FLIGHT = 32


@dataclass(slots=True)
class Found:
    """What came of a number of candidates."""

    candidates: int = 0
    truncated: int = 0
    """Cut off by the token limit in their last draw."""
    valid: int = 0
    as_drawn: int = 0
    """Of the valid ones: neither repaired nor corrected."""
    repaired: int = 0
    """Of the valid ones: repaired, not corrected."""
    corrected: int = 0
    """Of the valid ones: corrected, and perhaps repaired."""
    wrongly_valid: int = 0
    """Said to be valid, and the linter finds an error, or the text was cut off."""
    distinct: int = 0
    """Valid workflows, each counted once."""
    llm_calls: int = 0

    @classmethod
    def of(cls, candidates: Sequence[pb.Candidate]) -> Found:
        """Counts."""
        found = cls(len(candidates))
        for each in candidates:
            cut_off = each.finish_reason != model_pb2.FINISH_REASON_STOP
            found.truncated += cut_off
            found.llm_calls += each.usage.llm_calls
            found.wrongly_valid += each.valid and (cut_off or not check(each.workflow.source).ok)
            if each.valid:
                found.valid += 1
                found.corrected += bool(each.drafts)
                found.repaired += bool(each.changes) and not each.drafts
        found.as_drawn = found.valid - found.corrected - found.repaired
        found.distinct = len({each.workflow.digest for each in candidates if each.valid})
        return found


@asynccontextmanager
async def generating(catalogue: Catalogue) -> AsyncIterator[GeneratorClient]:
    """A generator with these models, behind a real channel."""
    with tempfile.TemporaryDirectory() as folder:
        service = build({"AUTOFLOW_GENERATOR_DATA": folder}, catalogue)
        async with serving(service) as address, Client(generator=address) as client:
            yield client.generator


async def drawn(client: GeneratorClient, request: pb.GenerateWorkflowsRequest) -> list[pb.Candidate]:
    """The candidates of a request, by their index."""
    events = [event async for event in client.generate_workflows(request, timeout=600)]
    return sorted((event.candidate for event in events[1:]), key=lambda each: each.index)


async def embedded(samples: int, *, grammar: bool, mending: str = "correct") -> Found:
    """Draws from the embedded model at temperature 1."""
    suite = load_suite("planning")
    request = pb.GenerateWorkflowsRequest(
        model=model_pb2.ModelRef(model=tiny.NAME),
        goal=suite.goal,
        tools=map(tool_to_proto, suite.tools),
        count=samples,
        sampling=model_pb2.SamplingParams(temperature=1.0, max_tokens=_TOKENS, seed=1),
        mending=_MENDINGS[mending],
    )
    if grammar:
        catalogue = default_catalogue({"AUTOFLOW_PRELOAD_MODELS": "none"})
    else:
        catalogue = catalogue_of(await asyncio.to_thread(_free_model), context_tokens=tiny.CONTEXT_TOKENS)
    async with generating(catalogue) as client:
        return Found.of(await drawn(client, request))


def _free_model() -> Any:
    # It needs torch.
    from autoflow.llm.local import LocalModel

    class FreeModel(LocalModel):
        """The same model, which takes no grammar."""

        @property
        def capabilities(self) -> Capabilities:
            return replace(super().capabilities, grammar=False)

    return FreeModel.load(tiny.NAME, tiny.path())


async def malformed(mending: str, corrections: int, *, as_json: bool = False, seed: int = 0) -> Found:
    """Draws every malformed text of the corpus once."""
    right = check(RIGHT).workflow
    assert right is not None
    texts = [entry.text for entry in corpus()]
    writer = ScriptedWriter(texts, to_json(right) if as_json else RIGHT, seed=seed)
    model = ScriptedModel(writer, capabilities=Capabilities(json_schema=as_json))
    async with generating(catalogue_of(model)) as client:
        return Found.of(await _cases(client, len(texts), mending, corrections, model.name))


async def from_endpoint(share: float, cases: int, *, seed: int = 0) -> tuple[list[pb.Candidate], int, float]:
    """Draws malformed texts from an HTTP endpoint that fails this share of its calls.

    Returns:
        The candidates, how often the endpoint was called, and the seconds that it took.
    """
    writer = ScriptedWriter([entry.text for entry in corpus()][-cases:], RIGHT, seed=seed)

    def script(body: Mapping[str, Any]) -> str:
        return writer([Message(Role(each["role"]), each["content"]) for each in body["messages"]])

    with tempfile.TemporaryDirectory() as folder:
        async with ScriptedEndpoint.serving(script, FaultPlan(share, seed=seed)) as endpoint:
            path = write_catalogue(Path(folder) / "models.yaml", endpoint.base_url, limits=_LIMITS)
            env = {"AUTOFLOW_MODELS": str(path), "AUTOFLOW_PRELOAD_MODELS": "none"}
            async with generating(default_catalogue(env)) as client:
                began = time.monotonic()
                candidates = await _cases(client, cases, "correct", 8, "mine")
                return candidates, len(endpoint.calls), time.monotonic() - began


async def _cases(
    client: GeneratorClient, cases: int, mending: str, corrections: int, model: str
) -> list[pb.Candidate]:
    room = asyncio.Semaphore(_IN_FLIGHT)

    async def candidate(case: int) -> pb.Candidate:
        request = pb.GenerateWorkflowsRequest(
            model=model_pb2.ModelRef(model=model),
            goal=f"case {case}",
            count=1,
            mending=_MENDINGS[mending],
            max_corrections=corrections,
        )
        async with room:
            (only,) = await drawn(client, request)
        return only

    return await asyncio.gather(*map(candidate, range(cases)))


async def _of_embedded(samples: int) -> bool:
    found = await embedded(samples, grammar=True)
    _tell("embedded_grammar", found)
    right = (
        found.valid == found.as_drawn + found.corrected and found.candidates == found.valid + found.truncated
    )
    for mending in _MENDINGS:
        free = await embedded(samples, grammar=False, mending=mending)
        _tell("embedded_free", free, mending=mending)
        right = right and not free.wrongly_valid
    return right and not found.wrongly_valid


async def _of_malformed(seed: int) -> bool:
    right = True
    for as_json in (False, True):
        for mending, corrections in (("none", 0), ("repair", 0), ("correct", 2), ("correct", 8)):
            found = await malformed(mending, corrections, as_json=as_json, seed=seed)
            _tell("malformed", found, json=as_json, mending=mending, max_corrections=corrections)
            right = right and not found.wrongly_valid
    return right and found.valid >= _ENOUGH * found.candidates


async def _of_endpoint(cases: int, seed: int) -> bool:
    sound, calls, seconds = await from_endpoint(0.0, cases, seed=seed)
    failing, more_calls, more_seconds = await from_endpoint(0.2, cases, seed=seed)
    same = sound == failing
    told = {
        "calls": [calls, more_calls],
        "seconds": [round(seconds, 2), round(more_seconds, 2)],
        "same": same,
    }
    _tell("failing_endpoint", Found.of(failing), **told)
    return same


def _tell(name: str, found: Found, **told: object) -> None:
    print(json.dumps({"name": name, **told, **asdict(found)}), flush=True)


async def _measured(given: argparse.Namespace) -> bool:
    measures = {
        "embedded": lambda: _of_embedded(given.samples),
        "malformed": lambda: _of_malformed(given.seed),
        "endpoint": lambda: _of_endpoint(given.cases, given.seed),
    }
    return all([await measures[part]() for part in given.parts or measures])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=["embedded", "malformed", "endpoint"])
    parser.add_argument("--samples", type=int, default=256, help="of the embedded model, each time")
    parser.add_argument("--cases", type=int, default=60, help="texts of the endpoint")
    parser.add_argument("--seed", type=int, default=0)
    sys.exit(0 if asyncio.run(_measured(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()

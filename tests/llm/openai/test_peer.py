"""A server that nobody here wrote: `transformers serve`, on the embedded model."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoflow.llm import Capabilities, FinishReason, Message, ModelRejected, Role, Sampling, tiny
from autoflow.llm.probe import Verdict
from tests.llm.endpoints import found, write_catalogue
from tests.llm.openai.bench import Bench
from tests.llm.openai.peers import free_port, served

START_SECONDS = 60.0


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its base URL."""
    folder = tmp_path_factory.mktemp("serve")
    port = free_port()
    arguments = ["serve", str(tiny.path()), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    env = {**os.environ, "HF_HOME": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [str(Path(sys.executable).with_name("transformers")), *arguments]
    with served(command, env, folder, f"http://127.0.0.1:{port}/health", START_SECONDS):
        yield f"http://127.0.0.1:{port}/v1"


async def test_a_chat(bench: Bench, peer: str) -> None:
    model = bench.model(peer, model=str(tiny.path()))
    chat = [Message(Role.SYSTEM, "You are kind."), Message(Role.USER, "hi")]
    first = await model.complete(chat, Sampling(max_tokens=4))
    again = await model.complete(chat, Sampling(max_tokens=4))

    assert first.text == again.text
    assert first.finish_reason in (FinishReason.STOP, FinishReason.LENGTH)
    assert first.usage.calls == 1
    assert first.usage.prompt_tokens > 0
    assert 0 < first.usage.completion_tokens <= 4


async def test_it_draws_one_whatever_n_says_and_the_rest_are_asked_for(bench: Bench, peer: str) -> None:
    model = bench.model(peer, model=str(tiny.path()), capabilities=Capabilities(max_n=3))
    drawn = await model.complete_n([Message(Role.USER, "hi")], Sampling(max_tokens=4), 3)

    assert len(drawn) == 3
    assert [completion.usage.calls for completion in drawn] == [1, 1, 1]


async def test_a_model_that_it_does_not_have(bench: Bench, peer: str) -> None:
    with pytest.raises(ModelRejected):
        await bench.model(peer, model="nobody/nothing").complete([Message(Role.USER, "hi")], Sampling())


async def test_a_probe_finds_what_it_ignores(tmp_path: Path, peer: str) -> None:
    stated = {"json_schema": True, "log_probs": True, "max_n": 2}
    path = write_catalogue(tmp_path / "models.yaml", peer, model=str(tiny.path()), capabilities=stated)
    findings = await found({"AUTOFLOW_MODELS": str(path)}, "mine")

    assert findings["chat"].verdict is Verdict.WORKS
    assert {name for name, finding in findings.items() if not finding.holds} == set(stated)
    assert {findings[name].verdict for name in stated} == {Verdict.IGNORED}

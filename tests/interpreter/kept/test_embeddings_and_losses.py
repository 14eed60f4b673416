"""An execution that remembers by embeddings, and whose server is killed, goes on elsewhere."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from autoflow.llm import Vector
from autoflow.testing import serving
from autoflow.testing.processes import service_process
from autoflow.testing.scripted_workflow import ScriptedWorkflow, Shape
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow_interpreter import build
from tests.interpreter.kept.servers import Events, Server, begun, events_of, kinds, told
from tests.interpreter.protocols.executing import vector
from tests.interpreter.world import Pace, request_for, surroundings

SHAPE = Shape(max_steps=8, tools=("add",), tool_share=0.5)
SCRIPT = ScriptedWorkflow.drawn(3, SHAPE)


def embeddings(events: Events) -> list[pb.ModelCalled]:
    called = [event.model_called for event in events if event.HasField("model_called")]
    return [each for each in called if not each.reply]


def story(events: Events) -> list[object]:
    """What came of the steps, and what each saw."""
    outputs = [event.tool_returned.output for event in events if event.HasField("tool_returned")]
    told = []
    for event in events:
        kind = event.WhichOneof("event")
        if kind in ("memory_recalled", "step_answered", "branch_taken"):
            told.append(getattr(event, kind))
    return [*outputs, *told]


@pytest.mark.parametrize("seen", [9, 17])
async def test_it_ends_as_it_would_have_and_pays_for_embeddings_alone_again(
    tmp_path: Path, seen: int
) -> None:
    embedded: list[str] = []

    def embed(text: str) -> Vector:
        embedded.append(text)
        return vector(text)

    request = request_for(
        SCRIPT,
        pb.EXECUTION_PROTOCOL_FUSED,
        memory=pb.MEMORY_STRATEGY_EMBEDDING,
        on_disconnect=pb.DISCONNECT_POLICY_CONTINUE,
    )
    async with surroundings(
        [SCRIPT], tmp_path, Pace(answer=0.05), embed=embed, interpreter_lease_seconds=1.5
    ) as (chat, tools, env):
        async with (
            service_process("interpreter", env, tmp_path / "interpreter.log") as lost,
            grpc.aio.insecure_channel(lost.address) as channel,
        ):
            one = Server(lost.address, channel)
            whole = await events_of(one.execute(request))
            asked, wanted = [each.digest for each in chat.asked], list(embedded)
            called = [each.tool for each in tools.asked]
            chat.asked.clear()
            tools.asked.clear()
            embedded.clear()
            call = one.execute(request)
            name = await begun(call)
            await events_of(call, seen)
            await lost.kill()
            await told(call)
        async with serving(build(env)) as address, grpc.aio.insecure_channel(address) as channel:
            events = await events_of(Server(address, channel).watch(name))

    assert kinds(events).count("resumed") == 1
    assert story(events) == story(whole)
    finished, expected = events[-1].finished, whole[-1].finished
    assert (finished.outcome, finished.answer) == (pb.EXECUTION_OUTCOME_ANSWERED, expected.answer)
    # At most the call that was under way was made twice.
    repeated = [each.digest for each in chat.asked]
    assert list(dict.fromkeys(repeated)) == asked
    assert len(repeated) - len(asked) <= 1
    assert [each.tool for each in tools.asked] == called
    again = len(embeddings(events)) - len(embeddings(whole))
    assert finished.usage.llm_calls == expected.usage.llm_calls + again
    # Each text once by each server, at the most.
    assert set(embedded) == set(wanted)
    assert max(map(embedded.count, embedded)) == 2
    paid = sum(call.usage.cost_usd for call in embeddings(events))
    assert finished.usage.cost_usd == pytest.approx(paid)
    assert paid > expected.usage.cost_usd > 0

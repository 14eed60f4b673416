from __future__ import annotations

from typing import Any

import pytest

from autoflow.llm import (
    Capabilities,
    Grammar,
    JsonSchema,
    Message,
    Role,
    Sampling,
    ToolCall,
    ToolSpec,
    Unsupported,
)
from autoflow.llm.demands import demand

PROMPT = [Message(Role.USER, "say")]
CALLED = Message(Role.ASSISTANT, "", (ToolCall("1", "f", "{}"),))
RESULT = Message(Role.TOOL, "none", tool_call_id="1")
TOOL = ToolSpec("f", "", {"type": "object"})
GRAMMAR = Grammar("root ::= ''", "start: ''")

NEEDS: list[tuple[str, dict[str, Any], str]] = [
    ("grammar", {"constraint": GRAMMAR}, "grammar"),
    ("json_schema", {"constraint": JsonSchema("s", {})}, "JSON schema"),
    ("tools", {"tools": [TOOL]}, "tools"),
    ("tools", {"messages": [*PROMPT, CALLED, *PROMPT]}, "tools"),
    ("tools", {"messages": [*PROMPT, RESULT]}, "tools"),
    ("stop", {"sampling": Sampling(stop=("END",))}, "stop"),
    ("log_probs", {"sampling": Sampling(log_probs=True)}, "log-probabilities"),
    ("adapters", {"adapter": "sha256:0"}, "adapters"),
]


def demanded(capabilities: Capabilities, call: dict[str, Any]) -> None:
    given: dict[str, Any] = {"messages": PROMPT, "sampling": Sampling(), **call}
    demand("small", capabilities, given.pop("messages"), given.pop("sampling"), **given)


@pytest.mark.parametrize(("capability", "call", "named"), NEEDS)
def test_a_call_needs_its_capability_and_no_other(capability: str, call: dict[str, Any], named: str) -> None:
    others = {field: True for field in Capabilities.__slots__ if field not in (capability, "max_n")}
    with pytest.raises(Unsupported, match=f"'small' .*{named}"):
        demanded(Capabilities(**others), call)
    demanded(Capabilities(**{capability: True}), call)


def test_a_plain_call_needs_nothing_and_neither_does_a_seed() -> None:
    demanded(Capabilities(), {})
    demanded(Capabilities(), {"sampling": Sampling(seed=4, temperature=2.0)})


def test_tools_and_constraints_exclude_each_other() -> None:
    with pytest.raises(Unsupported, match="under a constraint"):
        demanded(Capabilities(tools=True, grammar=True), {"tools": [TOOL], "constraint": GRAMMAR})


def test_no_more_completions_than_a_call_may_draw() -> None:
    demanded(Capabilities(max_n=4), {"n": 4})
    with pytest.raises(Unsupported, match="at most 4 completions a call, not 5"):
        demanded(Capabilities(max_n=4), {"n": 5})

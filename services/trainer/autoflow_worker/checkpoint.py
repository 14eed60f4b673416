"""The worker's own state after an iteration, as a folder in the artifact store.

`state.json` holds the method's state (its replay buffer with token ids, its baseline), the evaluation cache,
every valid workflow that was seen, and the prompt with its grammar; `optimizer.safetensors` holds the
moments. The adapter is an artifact of its own, because it is also served; the state names its digest. There
is no random generator's state (see `autoflow_worker.seeds`).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autoflow.errors import FailedPrecondition
from autoflow_worker.ports import Artifacts, Policy, Prompt, Workflow

_FORMAT = 1
_STATE = "state.json"


@dataclass(frozen=True, slots=True)
class State:
    """Where a run stands between two iterations, the policy's weights aside."""

    iteration: int = 0
    """Iterations that are done."""
    adapter: str = ""
    """Digest of the policy's adapter; empty while it is untrained."""
    prompt: Prompt | None = None
    """None before the first draw."""
    workflows: tuple[Workflow, ...] = ()
    """Distinct valid workflows, in the order in which they were first drawn."""
    method: Mapping[str, Any] = field(default_factory=dict)
    cache: Mapping[str, Any] = field(default_factory=dict)


class Checkpoints:
    """Keeps states and weights as artifacts. The calls block: hand them to a thread.

    Args:
        artifacts: where they are kept.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    def publish(self, policy: Policy, optimizer: Path) -> str:
        """Stores the policy's adapter and writes its optimiser to a folder; returns the adapter's digest."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "adapter"
            policy.save(folder, optimizer)
            return self._artifacts.put_folder(folder)

    def save(self, state: State, optimizer: Path) -> str:
        """Stores a state beside the optimiser in its folder; returns the digest."""
        text = json.dumps({"format": _FORMAT, **asdict(state)}, sort_keys=True, separators=(",", ":"))
        (optimizer / _STATE).write_text(text)
        return self._artifacts.put_folder(optimizer)

    def restore(self, digest: str, policy: Policy) -> State:
        """Takes back a state, and the policy's weights with it.

        Raises:
            NotFound: the artifact store lost it.
            FailedPrecondition: another version of the worker wrote it.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = self._artifacts.fetch_folder(digest, Path(scratch) / "checkpoint")
            state = _read(json.loads((folder / _STATE).read_text()))
            adapter = self._artifacts.fetch_folder(state.adapter, Path(scratch) / "adapter")
            policy.load(adapter, folder)
        return state


def _read(raw: dict[str, Any]) -> State:
    if raw.pop("format") != _FORMAT:
        raise FailedPrecondition("the run's checkpoint was written by another version of the worker")
    prompt = raw.pop("prompt")
    return State(
        prompt=Prompt(tuple(prompt["token_ids"]), prompt["grammar"]) if prompt else None,
        workflows=tuple(Workflow(**workflow) for workflow in raw.pop("workflows")),
        **raw,
    )

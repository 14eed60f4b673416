"""The worker's own state after an iteration, as a folder in the artifact store.

`state.json` holds the method's state (its replay buffer with token ids, its baseline), the evaluation cache,
every valid workflow that was seen, and the prompt with its grammar; `optimizer.safetensors` holds the
moments. The adapter is an artifact of its own, because it is also served; the state names its digest. A
search in context has neither adapter nor moments: its method's state is the whole search. There is no random
generator's state (see `autoflow_worker.seeds`).
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
ORIGIN = "autoflow.json"
"""The file in an adapter's folder that says which run made it, and which of its adapters it is."""


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
        run: whose adapters these are, `runs/<id>`; servers call them by it. Empty: nobody's.
    """

    def __init__(self, artifacts: Artifacts, run: str = "") -> None:
        self._artifacts = artifacts
        self._run = run

    def publish(self, policy: Policy, optimizer: Path, version: int) -> str:
        """Stores the policy's adapter and writes its optimiser to a folder; returns the adapter's digest.

        Args:
            policy: as it is now.
            optimizer: the folder for its optimiser.
            version: of the run's adapters, from 1.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "adapter"
            policy.save(folder, optimizer)
            if self._run:
                (folder / ORIGIN).write_text(json.dumps({"run": self._run, "version": version}))
            return self._artifacts.put_folder(folder)

    def save(self, state: State, optimizer: Path) -> str:
        """Stores a state beside the optimiser in its folder; returns the digest."""
        text = json.dumps({"format": _FORMAT, **asdict(state)}, sort_keys=True, separators=(",", ":"))
        (optimizer / _STATE).write_text(text)
        return self._artifacts.put_folder(optimizer)

    def save_search(self, state: State) -> str:
        """Stores a state that has no weights; returns the digest."""
        with tempfile.TemporaryDirectory() as scratch:
            return self.save(state, Path(scratch))

    def restore(self, digest: str, policy: Policy | None) -> State:
        """Takes back a state, and the policy's weights with it; with no policy the state alone.

        Raises:
            NotFound: the artifact store lost it.
            FailedPrecondition: another version of the worker wrote it.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = self._artifacts.fetch_folder(digest, Path(scratch) / "checkpoint")
            state = _read(json.loads((folder / _STATE).read_text()))
            if policy is not None:
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

"""Any sequence of creations, promotions and rollbacks does what a simple model says.

The model of an alias is a list of versions: a promotion appends one, a rollback takes the last away.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autoflow.errors import Aborted, AlreadyExists, AutoFlowError, FailedPrecondition, NotFound
from autoflow.store.engine import create_engine
from autoflow_generator.registry.model import AliasChange, ChangeKind, Move, NewVersion, Reference
from autoflow_generator.registry.registry import WorkflowRegistry
from autoflow_generator.registry.store import RegistryStore
from tests.generator.registry.requests import text

WORKFLOWS = st.sampled_from(["planner", "planner", "planner", "writer"])
ALIASES = st.sampled_from(["production", "production", "production", "staging"])
NUMBERS = st.integers(1, 5)
WRONG = st.sampled_from([0, 0, 0, 0, 1, -1])
"""How far off an expected version is."""
TIMES = st.sampled_from([1, 1, 1, 2])
"""How often a request comes."""


class RegistryMachine(RuleBasedStateMachine):
    """A registry in a real database, beside its model."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory()
        self._store = RegistryStore(create_engine(f"sqlite+aiosqlite:///{Path(self._folder.name) / 'r.db'}"))
        self._registry = WorkflowRegistry(self._store)
        self.newest: dict[str, int] = {}
        self.stacks: dict[tuple[str, str], list[int]] = {}
        self.history: dict[tuple[str, str], list[tuple[ChangeKind, int, int]]] = {}
        self.requests = 0
        self.moves: set[int] = set()

    def teardown(self) -> None:
        self._runner.run(self._store.close())
        self._runner.close()
        self._folder.cleanup()

    def done(self, awaitable: Awaitable[Any]) -> Any:
        async def call() -> Any:
            try:
                return await awaitable
            except AutoFlowError as error:
                return type(error)

        return self._runner.run(call())

    def request_id(self) -> str:
        self.requests += 1
        return f"request-{self.requests}"

    @initialize()
    def begin(self) -> None:
        self.done(self._store.migrate())
        for _ in range(3):
            self.create("planner", 1)

    @rule(workflow=WORKFLOWS, times=TIMES)
    def add(self, workflow: str, times: int) -> None:
        self.create(workflow, times)

    def create(self, workflow: str, times: int) -> None:
        new = NewVersion(workflow, text(workflow), b"payload", self.request_id())
        made = {self.done(self._registry.create(new)) for _ in range(times)}
        self.newest[workflow] = self.newest.get(workflow, 0) + 1
        (version,) = {each.number for each in made}
        assert version == self.newest[workflow]

    @rule(workflow=WORKFLOWS, alias=ALIASES, to=NUMBERS, off=WRONG, times=TIMES)
    def promote(self, workflow: str, alias: str, to: int, off: int, times: int) -> None:
        stack = self.stacks.get((workflow, alias), [])
        at = stack[-1] if stack else 0
        expected = max(at + off, 0)
        move = Move(ChangeKind.PROMOTION, workflow, alias, expected, to, "", self.request_id())
        told = [self.done(self._registry.move(move)) for _ in range(times)]
        if to > self.newest.get(workflow, 0):
            assert set(told) == {NotFound}
        elif expected != at:
            assert set(told) == {Aborted}
        else:
            self.moved(told, move, at, to)
            if at != to:
                self.stacks.setdefault((workflow, alias), []).append(to)

    @rule(workflow=WORKFLOWS, alias=ALIASES, off=WRONG, times=TIMES)
    def roll_back(self, workflow: str, alias: str, off: int, times: int) -> None:
        stack = self.stacks.get((workflow, alias), [])
        expected = max((stack[-1] if stack else 0) + off, 1)
        move = Move(ChangeKind.ROLLBACK, workflow, alias, expected, None, "", self.request_id())
        told = [self.done(self._registry.move(move)) for _ in range(times)]
        if not stack:
            assert set(told) == {NotFound}
        elif expected != stack[-1]:
            assert set(told) == {Aborted}
        elif len(stack) == 1:
            assert set(told) == {FailedPrecondition}
        else:
            self.moved(told, move, stack.pop(), stack[-1])

    @precondition(lambda self: any(self.history.values()))
    @rule(workflow=WORKFLOWS, alias=ALIASES, number=st.integers(0, 9))
    def a_request_for_something_else(self, workflow: str, alias: str, number: int) -> None:
        """With an id that was used for a change of some alias."""
        used = self.used[number % len(self.used)]
        move = Move(ChangeKind.PROMOTION, workflow, alias, 999, 1, "", used)
        assert self.done(self._registry.move(move)) is AlreadyExists

    @property
    def used(self) -> list[str]:
        return [f"request-{number}" for number in sorted(self.moves)]

    def moved(self, told: list[AliasChange], move: Move, at: int, to: int) -> None:
        places = {(change.from_version, change.to_version, change.create_time) for change in told}
        assert len(places) == 1
        assert places.pop()[:2] == (at, to)
        self.history.setdefault((move.workflow, move.alias), []).append((move.kind, at, to))
        self.moves.add(self.requests)

    @invariant()
    def aliases_point_where_they_should(self) -> None:
        for (workflow, alias), stack in self.stacks.items():
            found = self.done(self._registry.get(Reference(workflow, alias)))
            assert found.number == stack[-1]
            assert alias in found.aliases
        page = self.done(self._registry.aliases(None, 0, ""))
        assert {(one.workflow, one.alias): one.version for one in page.items} == {
            name: stack[-1] for name, stack in self.stacks.items()
        }

    @invariant()
    def every_change_is_in_the_history(self) -> None:
        for (workflow, alias), changes in self.history.items():
            page = self.done(self._registry.changes(Reference(workflow, alias), 1000, ""))
            told = [(one.kind, one.from_version, one.to_version) for one in reversed(page.items)]
            assert told == changes


TestRegistryMachine = RegistryMachine.TestCase
TestRegistryMachine.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

"""The control flow of a workflow as a directed graph over step indices.

Edges are what execution can follow: a branch to an undeclared step is no edge, a duplicate name stands for
its first step, and a terminal step has no way out whatever is written behind it. Every algorithm is
iterative and linear in steps and branches, for the text may be hostile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from autoflow.language.fields import name_key
from autoflow.language.model import StepType, Workflow

_Adjacency = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Graph:
    """Adjacency of the steps, by index into ``Workflow.steps``."""

    successors: tuple[tuple[int, ...], ...]
    """For each step the steps that may follow it, in the order of its branches, each once."""
    predecessors: tuple[tuple[int, ...], ...]
    """For each step the steps that it may follow, ascending."""
    terminals: frozenset[int]
    """The steps at which execution ends."""

    @classmethod
    def of(cls, workflow: Workflow) -> Graph:
        """Builds the graph of a workflow, sound or not."""
        index = workflow.index
        successors: list[tuple[int, ...]] = []
        terminals: list[int] = []
        for i, step in enumerate(workflow.steps):
            targets: dict[int, None] = {}
            if step.type is StepType.TERMINAL:
                terminals.append(i)
            else:
                for branch in step.branches:
                    target = index.get(name_key(branch.target))
                    if target is not None:
                        targets[target] = None
            successors.append(tuple(targets))
        return cls(tuple(successors), _reversed(successors), frozenset(terminals))

    def reachable(self, sources: Iterable[int] = (0,)) -> frozenset[int]:
        """Returns the steps on some path from a source, sources included; by default from the first step."""
        return _closure(self.successors, sources)

    def coreachable(self, goals: Iterable[int] | None = None) -> frozenset[int]:
        """Returns the steps with some path to a goal, goals included; by default to the terminal steps."""
        return _closure(self.predecessors, self.terminals if goals is None else goals)

    def components(self) -> tuple[frozenset[int], ...]:
        """Returns the strongly connected components (Kosaraju's algorithm), sources before sinks."""
        components: list[frozenset[int]] = []
        seen: set[int] = set()
        for root in reversed(_postorder(self.successors, range(len(self.successors)))):
            if root not in seen:
                component = _closure(self.predecessors, (root,), seen)
                seen |= component
                components.append(component)
        return tuple(components)

    def closed_loops(self) -> tuple[frozenset[int], ...]:
        """Returns the loops that nothing leaves: components with an edge inside and none outwards."""
        loops: list[frozenset[int]] = []
        for component in self.components():
            edges = [child for node in component for child in self.successors[node]]
            if edges and component.issuperset(edges):
                loops.append(component)
        return tuple(loops)


def _reversed(adjacency: _Adjacency) -> tuple[tuple[int, ...], ...]:
    sources: list[list[int]] = [[] for _ in adjacency]
    for node, children in enumerate(adjacency):
        for child in children:
            sources[child].append(node)
    return tuple(map(tuple, sources))


def _closure(adjacency: _Adjacency, sources: Iterable[int], barred: Set[int] = frozenset()) -> frozenset[int]:
    found = {source for source in sources if source not in barred}
    stack = list(found)
    while stack:
        for child in adjacency[stack.pop()]:
            if child not in found and child not in barred:
                found.add(child)
                stack.append(child)
    return frozenset(found)


def _postorder(adjacency: _Adjacency, roots: Iterable[int]) -> list[int]:
    order: list[int] = []
    seen: set[int] = set()
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(adjacency[root]))]
        while stack:
            node, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                order.append(node)
                stack.pop()
            elif child not in seen:
                seen.add(child)
                stack.append((child, iter(adjacency[child])))
    return order

"""The graph algorithms agree with brute force on every kind of small workflow."""

from __future__ import annotations

from hypothesis import given

from autoflow.language import Graph, StepType, Workflow, parse

from .strategies import workflows

Edges = set[tuple[int, int]]


def _edges(graph: Graph) -> Edges:
    return {(i, j) for i, successors in enumerate(graph.successors) for j in successors}


def _paths(edges: Edges, size: int) -> Edges:
    """Returns the pairs joined by a path of one edge or more (Warshall)."""
    paths = set(edges)
    for k in range(size):
        for i in range(size):
            for j in range(size):
                if (i, k) in paths and (k, j) in paths:
                    paths.add((i, j))
    return paths


def _brute_force_edges(workflow: Workflow) -> Edges:
    names = [" ".join(step.name.split()).casefold() for step in workflow.steps]
    return {
        (i, names.index(target))
        for i, step in enumerate(workflow.steps)
        if step.type is not StepType.TERMINAL
        for target in (" ".join(branch.target.split()).casefold() for branch in step.branches)
        if target in names
    }


@given(workflows())
def test_edges(workflow: Workflow) -> None:
    graph = Graph.of(workflow)
    edges = _edges(graph)
    assert edges == _brute_force_edges(workflow)
    assert edges == {(i, j) for j, predecessors in enumerate(graph.predecessors) for i in predecessors}
    assert graph.terminals == {i for i, step in enumerate(workflow.steps) if step.type is StepType.TERMINAL}


@given(workflows())
def test_reachability(workflow: Workflow) -> None:
    graph, size = Graph.of(workflow), len(workflow.steps)
    paths = _paths(_edges(graph), size)
    assert graph.reachable() == {0} | {j for i, j in paths if i == 0}
    assert graph.coreachable() == graph.terminals | {i for i, j in paths if j in graph.terminals}
    assert graph.coreachable([size - 1]) == {size - 1} | {i for i, j in paths if j == size - 1}
    assert graph.reachable([]) == frozenset()


@given(workflows())
def test_components_are_the_sets_of_mutually_reachable_steps(workflow: Workflow) -> None:
    graph, size = Graph.of(workflow), len(workflow.steps)
    edges = _edges(graph)
    paths = _paths(edges, size)
    expected = {
        frozenset({i} | {j for j in range(size) if (i, j) in paths and (j, i) in paths}) for i in range(size)
    }
    components = graph.components()
    assert len(components) == len(expected)
    assert set(components) == expected
    position = {node: i for i, component in enumerate(components) for node in component}
    assert all(position[i] <= position[j] for i, j in edges), "sources come before sinks"
    closed = {
        c
        for c in expected
        if {j for i, j in edges if i in c} and not any(i in c and j not in c for i, j in edges)
    }
    assert set(graph.closed_loops()) == closed


def test_a_long_chain_needs_no_recursion() -> None:
    size = 5000
    lines = [f"s{i}:::process:::x:::next::s{(i + 1) % size}\n" for i in range(size)]
    workflow = parse("".join(lines)).workflow
    assert workflow is not None
    graph = Graph.of(workflow)
    assert graph.closed_loops() == (frozenset(range(size)),)

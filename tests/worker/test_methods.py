"""Methods against values worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from autoflow_worker.methods import (
    METHODS,
    LoraSettings,
    Method,
    Raft,
    Reinforce,
    Rloo,
    Rollout,
    TrainingSettings,
)
from autoflow_worker.methods.advantages import all_equal, leave_one_out, over_baseline
from autoflow_worker.methods.raft import Filter
from autoflow_worker.ports import Batch


def rollouts(*rewards: float, first: int = 0) -> list[Rollout]:
    """Rollouts of distinct sequences with these rewards."""
    return [Rollout((first + index,), reward) for index, reward in enumerate(rewards)]


def learned(batch: Batch) -> list[int]:
    """The first token ids of a batch's samples, in numerical order."""
    return sorted(sample.token_ids[0] for sample in batch)


def test_leave_one_out_by_hand() -> None:
    # The others' means: (0 + 0.5) / 2, (1 + 0.5) / 2, (1 + 0) / 2.
    assert leave_one_out([1.0, 0.0, 0.5]) == pytest.approx([0.75, -0.75, 0.0])


def test_leave_one_out_is_the_scaled_distance_from_the_mean() -> None:
    rewards = [0.1, 0.9, 0.35, 0.6, 0.0]
    mean = sum(rewards) / 5
    assert leave_one_out(rewards) == pytest.approx([5 / 4 * (reward - mean) for reward in rewards])


def test_leave_one_out_of_one_has_nothing_to_compare_with() -> None:
    assert leave_one_out([0.7]) == [0.0]
    assert leave_one_out([]) == []


def test_advantages_over_a_baseline() -> None:
    assert over_baseline([1.0, 0.25], 0.5) == [0.5, -0.25]


def test_equal_up_to_rounding_is_equal() -> None:
    assert all_equal([0.1 + 0.2, 0.3])
    assert not all_equal([0.3, 0.3001])
    assert all_equal([])


def test_rloo_weighs_by_advantage_over_the_number_of_samples() -> None:
    (batch,) = Rloo().learn(rollouts(1.0, 0.0, 0.5), seed=1)
    assert [sample.token_ids for sample in batch] == [(0,), (1,), (2,)]
    assert [sample.weight for sample in batch] == pytest.approx([0.25, -0.25, 0.0])


@pytest.mark.parametrize("rewards", [(0.4, 0.4, 0.4), (0.4,), ()])
def test_rloo_learns_nothing_where_all_did_equally_well(rewards: tuple[float, ...]) -> None:
    assert Rloo().learn(rollouts(*rewards), seed=1) == []


def test_reinforce_follows_its_moving_baseline() -> None:
    method = Reinforce(momentum=0.5)
    # The baseline starts at the first reward, so that one teaches nothing.
    assert method.learn(rollouts(0.4), seed=1) == []
    ((sample,),) = method.learn(rollouts(0.8), seed=1)
    assert sample.weight == pytest.approx(0.8 - 0.4)
    ((sample,),) = method.learn(rollouts(0.2), seed=1)
    assert sample.weight == pytest.approx(0.2 - 0.6)
    (pair,) = method.learn(rollouts(0.4, 1.0), seed=1)
    assert [sample.weight for sample in pair] == pytest.approx([0.0, 0.3])


def test_reinforce_keeps_its_baseline_when_nothing_could_be_measured() -> None:
    method = Reinforce(momentum=0.5)
    method.learn(rollouts(0.4), seed=1)
    assert method.learn([], seed=1) == []
    assert method.state() == {"baseline": 0.4}


def test_raft_imitates_the_best_part_of_the_window() -> None:
    method = Raft(Filter(window=2, best=0.25, floor=0.3, replayed=8, steps=1))
    (batch,) = method.learn(rollouts(0.9, 0.8, 0.1, 0.2), seed=1)
    assert learned(batch) == [0]
    # Eight distinct samples: the best quarter is two.
    (batch,) = method.learn(rollouts(0.5, 0.95, 0.6, 0.7, first=10), seed=1)
    assert learned(batch) == [0, 11]
    assert [sample.weight for sample in batch] == [0.5, 0.5]
    # The first iteration has left the window.
    (batch,) = method.learn(rollouts(0.4, 0.4, 0.4, 0.4, first=20), seed=1)
    assert learned(batch) == [11, 13]


def test_raft_never_imitates_what_is_below_the_floor() -> None:
    method = Raft(Filter(best=1.0, floor=0.3))
    assert method.learn(rollouts(0.3, 0.1, 0.0), seed=1) == []
    (batch,) = method.learn(rollouts(0.31, first=10), seed=1)
    assert learned(batch) == [10]


def test_raft_counts_a_repeated_sequence_once_with_its_mean_reward() -> None:
    method = Raft(Filter(best=0.5, floor=0.0))
    method.learn([Rollout((1,), 1.0), Rollout((2,), 0.8)], seed=1)
    (batch,) = method.learn([Rollout((1,), 0.4), Rollout((1,), 0.4)], seed=1)
    # (1,) has a mean of 0.6 now, and there are two distinct sequences, not four.
    assert learned(batch) == [2]


def test_raft_prefers_the_newer_among_equals() -> None:
    method = Raft(Filter(best=0.25, floor=0.0))
    method.learn(rollouts(0.9, 0.0), seed=1)
    (batch,) = method.learn(rollouts(0.9, 0.1, first=10), seed=1)
    assert learned(batch) == [10]


def test_raft_draws_replays_by_seed_without_repetition() -> None:
    def drawn(seed: int) -> list[int]:
        (batch,) = Raft(Filter(best=1.0, floor=0.0, replayed=4)).learn(
            rollouts(*(0.5 + index / 100 for index in range(20))), seed=seed
        )
        return learned(batch)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert len(set(drawn(1))) == 4


def test_raft_takes_as_many_steps_as_it_is_told() -> None:
    batches = Raft(Filter(steps=3)).learn(rollouts(0.9, 0.1), seed=1)
    assert len(batches) == 3


def test_raft_learns_nothing_where_all_did_equally_well() -> None:
    assert Raft().learn(rollouts(1.0, 1.0, 1.0), seed=1) == []


@pytest.mark.parametrize("name", METHODS)
def test_a_method_goes_on_from_its_state_as_if_it_had_never_stopped(name: str) -> None:
    rounds: Sequence[list[Rollout]] = [
        rollouts(*(((3 * index + 7 * step) % 10) / 10 for index in range(8)), first=100 * step)
        for step in range(12)
    ]
    whole: Method = METHODS[name]()
    expected = [whole.learn(batch, seed=step) for step, batch in enumerate(rounds)]

    first = METHODS[name]()
    for step, batch in enumerate(rounds[:7]):
        first.learn(batch, seed=step)
    second = METHODS[name]()
    second.load(json.loads(json.dumps(first.state())))
    assert [second.learn(batch, seed=7 + step) for step, batch in enumerate(rounds[7:])] == expected[7:]
    assert any(expected[7:])


def test_reinforce_draws_one_candidate_by_default() -> None:
    assert METHODS["reinforce"].defaults.candidates == 1


def test_the_learning_rate_falls_linearly_to_its_last_part() -> None:
    training = TrainingSettings(iterations=5, candidates=2, lora=LoraSettings(final_rate=0.2))
    assert [training.rate(iteration) for iteration in range(5)] == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])
    assert TrainingSettings(iterations=1, candidates=2).rate(0) == 1.0

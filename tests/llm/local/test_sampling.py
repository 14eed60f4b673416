from __future__ import annotations

import pytest
import torch

from autoflow.llm.local.sampling import Draw, Sampler


class Always(Draw):
    """Draws with a uniform number of the test's choice."""

    def __init__(self, uniform: float) -> None:
        super().__init__(1.0, 0, None)
        self._uniform = uniform

    def uniform(self) -> float:
        return self._uniform


def test_tokens_come_as_often_as_they_are_likely() -> None:
    probabilities = torch.tensor([0.05, 0.6, 0.0, 0.25, 0.1])
    count = 20_000
    logits = probabilities.log().expand(count, -1).clone()
    ids, _ = Sampler().draw(logits, [Draw(1.0, seed, None) for seed in range(count)])
    shares = torch.bincount(torch.tensor(ids), minlength=5) / count
    # Four standard deviations of a share.
    deviation = (probabilities * (1 - probabilities) / count).sqrt()
    assert bool(((shares - probabilities).abs() <= 4 * deviation).all())


def test_one_sequence_draws_by_itself_what_it_draws_in_a_batch() -> None:
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    together, log_probs = Sampler().draw(logits.clone(), [Draw(0.7, seed, None) for seed in range(4)])
    for row in range(4):
        ids, alone = Sampler().draw(logits[row : row + 1].clone(), [Draw(0.7, row, None)])
        assert ids == [together[row]]
        assert alone == pytest.approx([log_probs[row]])


def test_a_sequence_goes_on_with_its_own_numbers() -> None:
    logits = torch.zeros(1, 1000)
    draw, twin = Draw(1.0, 5, None), Draw(1.0, 5, None)
    first = [Sampler().draw(logits, [draw])[0] for _ in range(5)]
    assert first == [Sampler().draw(logits, [twin])[0] for _ in range(5)]
    assert len({ids[0] for ids in first}) > 1


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-53])
def test_impossible_tokens_are_never_drawn(uniform: float) -> None:
    logits = torch.full((1, 6), -torch.inf)
    logits[0, [1, 4]] = torch.tensor([0.0, -1.0])
    ids, log_probs = Sampler().draw(logits, [Always(uniform)])
    assert ids[0] == (4 if uniform > 0.8 else 1)
    assert log_probs == [
        pytest.approx(float(torch.tensor([0.0, -1.0]).log_softmax(0)[0 if ids[0] == 1 else 1]))
    ]


def test_temperature_zero_takes_the_likeliest_and_reports_its_probability() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [5.0, 0.0, 0.0]])
    ids, log_probs = Sampler().draw(logits.clone(), [Draw(0.0, 1, None), Draw(0.5, 1, None)])
    assert ids == [1, 0]
    expected = [logits[0].log_softmax(0)[1], (logits[1] / 0.5).log_softmax(0)[0]]
    assert log_probs == pytest.approx([float(each) for each in expected])


def test_half_precision_logits_give_float32_log_probs() -> None:
    logits = torch.randn(3, 40, generator=torch.Generator().manual_seed(1)).bfloat16()
    ids, log_probs = Sampler().draw(logits.clone(), [Draw(0.0, 0, None)] * 3)
    expected = logits.float().log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0]
    assert log_probs == pytest.approx(expected.tolist())

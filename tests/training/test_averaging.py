from __future__ import annotations

import torch
from torch import nn

from asrtrain.training.averaging import MovingAverage, mean_weights, using, weights_of


class Counter(nn.Module):
    """A weight, a running statistic and a counter."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))
        self.register_buffer("statistic", torch.zeros(2))
        self.register_buffer("count", torch.tensor(0))

    def set(self, value: float) -> None:
        with torch.no_grad():
            self.weight.fill_(value)
            self.statistic.fill_(value)
            self.count.fill_(int(value))


def test_the_moving_average_follows_its_recursion_and_copies_what_is_no_weight():
    model = Counter()
    average = MovingAverage(model, 0.9)
    expected = torch.zeros(3, dtype=torch.float64)
    for step in range(1, 200):
        model.set(step % 7)
        average.update(model, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (step % 7)
    torch.testing.assert_close(average.weights["weight"].double(), expected, atol=1e-5, rtol=1e-5)
    assert average.weights["statistic"].tolist() == [199 % 7] * 2
    assert average.weights["count"] == 199 % 7


def test_the_mean_rounds_once_and_takes_counters_from_the_last():
    several = [
        {"w": torch.tensor([1.0, 1e8]), "n": torch.tensor(3)},
        {"w": torch.tensor([2.0, -1e8]), "n": torch.tensor(5)},
        {"w": torch.tensor([2.5, 3.0]), "n": torch.tensor(4)},
    ]
    mean = mean_weights(several)
    assert mean["w"].tolist() == torch.tensor([5.5 / 3, 1.0]).tolist()
    assert mean["w"].dtype == torch.float32
    assert mean["n"] == 4


def test_the_mean_of_equal_weights_is_bit_equal():
    weights = {"w": torch.randn(1000, generator=torch.Generator().manual_seed(0))}
    assert torch.equal(mean_weights([weights] * 3)["w"], weights["w"])


def test_lent_weights_are_given_back_even_after_an_error():
    model = Counter()
    model.set(2)
    other = {name: tensor + 5 for name, tensor in weights_of(model).items()}
    try:
        with using(model, other):
            assert model.weight.tolist() == [7.0] * 3
            raise KeyError
    except KeyError:
        pass
    assert model.weight.tolist() == [2.0] * 3
    assert model.count == 2


def test_a_loaded_average_goes_on_exactly():
    model = Counter()
    one = MovingAverage(model, 0.5)
    model.set(3)
    one.update(model, 1)
    other = MovingAverage(model, 0.5)
    other.load(one.weights)
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    assert one.weights["weight"].data_ptr() != other.weights["weight"].data_ptr()

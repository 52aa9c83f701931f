"""Cross-entropy and mean absolute error against their formulas."""

from __future__ import annotations

import pytest
import torch

from asrtrain.heads.cross_entropy import CrossEntropyConfig
from asrtrain.heads.mae import MAEConfig
from asrtrain.types import Scores, Targets

ONES = torch.ones(3, dtype=torch.int64)
CLASSES = [1, 0, 2]
TARGETS = Targets(torch.tensor(CLASSES)[:, None], ONES)
LOGITS = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_cross_entropy_is_its_formula(smoothing: float) -> None:
    found = CrossEntropyConfig(label_smoothing=smoothing).criterion()(Scores(LOGITS, ONES), TARGETS).per_utterance
    wanted = torch.full((3, 4), smoothing / 4)
    wanted[range(3), CLASSES] += 1 - smoothing
    torch.testing.assert_close(found, -(wanted * LOGITS.log_softmax(1)).sum(1))


def test_mean_absolute_error_is_two_over_v_times_the_probability_missed() -> None:
    found = MAEConfig().criterion()(Scores(LOGITS, ONES), TARGETS).per_utterance
    right = LOGITS.softmax(1)[range(3), CLASSES]
    torch.testing.assert_close(found, 2 / 4 * (1 - right))
    assert (found < 0.5).all()

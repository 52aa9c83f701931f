"""What every criterion is: how wrong scores are, given what was said."""

from __future__ import annotations

from abc import ABC, abstractmethod

from asrtrain.types import Part, Scores, Targets


class Criterion(ABC):
    """From scores and targets to losses."""

    @abstractmethod
    def __call__(self, scores: Scores, targets: Targets) -> Part:
        """The losses of a batch; differentiable in ``scores.logits``."""

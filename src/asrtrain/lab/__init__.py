"""What gradients were, and what they would have been under other rules: no training is needed to ask."""

from asrtrain.lab.history import NormHistory
from asrtrain.lab.what_if import Replay, replay

__all__ = ["NormHistory", "Replay", "replay"]

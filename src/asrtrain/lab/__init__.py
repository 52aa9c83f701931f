"""What gradients were, and what they would have been under other rules: no training is needed to ask."""

from asrtrain.lab.gradient_report import GradientReport
from asrtrain.lab.history import NormHistory
from asrtrain.lab.recorded import recorded_norms
from asrtrain.lab.what_if import Replay, replay

__all__ = ["GradientReport", "NormHistory", "Replay", "recorded_norms", "replay"]

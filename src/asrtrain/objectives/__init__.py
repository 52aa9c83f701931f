"""Training objectives. Adding one is one file and one line here."""

from asrtrain.objectives.cross_entropy import CrossEntropyConfig
from asrtrain.objectives.ctc import CTCConfig
from asrtrain.objectives.feasibility import ctc_feasible
from asrtrain.objectives.interface import Losses, Objective, ObjectiveConfig
from asrtrain.objectives.mae import MAEConfig

OBJECTIVES: dict[str, type[ObjectiveConfig]] = {
    "cross_entropy": CrossEntropyConfig,
    "mae": MAEConfig,
    "ctc": CTCConfig,
}

__all__ = ["OBJECTIVES", "Losses", "Objective", "ObjectiveConfig", "ctc_feasible"]

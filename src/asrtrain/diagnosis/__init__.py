"""Where an explosion began: a step is replayed, watched from inside, and blamed on a module, an utterance, a frame."""

from asrtrain.diagnosis.explain import Case, explain
from asrtrain.diagnosis.replay import Network
from asrtrain.diagnosis.report import Explanation

__all__ = ["Case", "Explanation", "Network", "explain"]

"""Where an explosion began: a step is replayed, watched from inside, and blamed on a module, an utterance, a frame."""

from asrtrain.diagnosis.explain import Case, explain
from asrtrain.diagnosis.report import Explanation
from asrtrain.diagnosis.text import as_text

__all__ = ["Case", "Explanation", "as_text", "explain"]

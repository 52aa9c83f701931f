"""Pictures of a run: its curves, its gradients, its confusions."""

from asrtrain.reporting.confusion import draw_confusion
from asrtrain.reporting.run import draw_run

__all__ = ["draw_confusion", "draw_run"]

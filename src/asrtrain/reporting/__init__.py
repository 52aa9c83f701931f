"""Pictures of a run: its curves, its gradients, its confusions; and runs side by side."""

from asrtrain.reporting.alignment import draw_alignment
from asrtrain.reporting.calibration import draw_calibration
from asrtrain.reporting.comparison import draw_comparison
from asrtrain.reporting.confusion import draw_confusion
from asrtrain.reporting.explanation import draw_explanation
from asrtrain.reporting.run import draw_missing, draw_run
from asrtrain.reporting.style import pictures_beside, require_pictures
from asrtrain.reporting.what_if import draw_what_if

__all__ = [
    "draw_alignment",
    "draw_calibration",
    "draw_comparison",
    "draw_confusion",
    "draw_explanation",
    "draw_missing",
    "draw_run",
    "draw_what_if",
    "pictures_beside",
    "require_pictures",
]

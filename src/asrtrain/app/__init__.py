"""What asrtrain does, as plain functions for Python users; the command line calls these and prints."""

from asrtrain.app.align import align
from asrtrain.app.calibrate import calibrate
from asrtrain.app.compare import compare
from asrtrain.app.crossval import CrossvalReport, crossval
from asrtrain.app.crossval_table import CrossvalTable, crossval_table
from asrtrain.app.evaluate import evaluate
from asrtrain.app.explain import explain
from asrtrain.app.fit import fit
from asrtrain.app.grads import grads
from asrtrain.app.merge import merge
from asrtrain.app.report import report
from asrtrain.app.transcribe import transcribe

__all__ = [
    "CrossvalReport",
    "CrossvalTable",
    "align",
    "calibrate",
    "compare",
    "crossval",
    "crossval_table",
    "evaluate",
    "explain",
    "fit",
    "grads",
    "merge",
    "report",
    "transcribe",
]

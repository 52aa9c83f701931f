"""Scoring: alignments, error rates with their intervals, tables, and transcripts in every usual format."""

from asrtrain.evaluation.alignment import Counts, align, count
from asrtrain.evaluation.identity import Origin, ScoredData
from asrtrain.evaluation.outcome import Outcome
from asrtrain.evaluation.recognise import recognise
from asrtrain.evaluation.report import EvalReport
from asrtrain.evaluation.results import keep_other_folder, keep_others, read_results
from asrtrain.evaluation.tables import write_results
from asrtrain.evaluation.transcripts import WRITERS, Transcript

__all__ = [
    "WRITERS",
    "Counts",
    "EvalReport",
    "Origin",
    "Outcome",
    "ScoredData",
    "Transcript",
    "align",
    "count",
    "keep_other_folder",
    "keep_others",
    "read_results",
    "recognise",
    "write_results",
]

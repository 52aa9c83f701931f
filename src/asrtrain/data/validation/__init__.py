"""Checking data before it is trained on: cheaply before the first epoch, thoroughly by ``asrtrain data validate``."""

from __future__ import annotations

from asrtrain.data.validation.checks import check_cheaply, validate_manifest, validate_splits
from asrtrain.data.validation.cleaning import Cleaned, drop_errors
from asrtrain.data.validation.report import Report
from asrtrain.data.validation.requirements import FrameCounts, Requirements, ctc_frames
from asrtrain.data.validation.texts import find_unsayable, unsayable_in_words

__all__ = [
    "Cleaned",
    "FrameCounts",
    "Report",
    "Requirements",
    "check_cheaply",
    "ctc_frames",
    "drop_errors",
    "find_unsayable",
    "unsayable_in_words",
    "validate_manifest",
    "validate_splits",
]

"""What is known of a run when its report is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from asrtrain.evaluation import EvalReport
from asrtrain.reporting.measurements import Row
from asrtrain.training import StepRecord
from asrtrain.types import Audio


@final
@dataclass(frozen=True)
class RunFindings:
    """A run's folder, read: nothing of it is judged or drawn yet.

    ``name`` is unlike that of every other run of the report. ``settings`` is the configuration by dotted keys,
    ``configuration`` the same as YAML. ``closing`` are sentences about how training ended. ``scores`` are those of the
    test split, None where there are none, and ``scores_note`` says why, or where they are from. ``recordings`` are
    those of the worst utterances, by id, and ``missing`` says of other ones why they are not there. ``explanations``
    are what ``explain`` has written, one a step: the values, and the text for reading.
    """

    name: str
    folder: Path
    settings: Mapping[str, Any]
    configuration: str
    closing: Sequence[str]
    steps: Sequence[StepRecord]
    epochs: Sequence[Row]
    environment: Mapping[str, Any]
    scores: EvalReport | None
    scores_note: str
    recordings: Mapping[str, Audio]
    missing: Mapping[str, str]
    explanations: Sequence[tuple[Mapping[str, Any], str]]

"""``--fix drop``: the manifest without what cannot be learnt from, and the list of what was dropped and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import final

from asrtrain.data.formats.lines import write_lines
from asrtrain.data.manifest import FormatName, write_manifest
from asrtrain.data.validation.report import Report, complaint_to_json
from asrtrain.errors import DataError


@final
@dataclass(frozen=True, slots=True)
class Cleaned:
    """The two files, and how many utterances and lines went where."""

    manifest: Path
    dropped_list: Path
    kept: int
    dropped: int


def drop_errors(report: Report, manifest: Path, dropped_list: Path, format: FormatName | None = None) -> Cleaned:
    """Write the utterances without errors to ``manifest``, and every error, a JSON object a line, to ``dropped_list``.

    ``manifest`` has the known durations filled in. Raises DataError if nothing is left, or a file cannot be written.
    """
    errors = [error for error in report.errors if error.source or error.utterance]  # nothing else can be dropped
    bad = {error.utterance for error in errors}
    kept = [utterance for utterance in report.utterances if utterance.id not in bad]
    if not kept:
        raise DataError(f"{report.name}: nothing would be left, every utterance has an error")
    write_manifest(kept, manifest, format)
    write_lines(dropped_list, (json.dumps(complaint_to_json(error), ensure_ascii=False) for error in errors))
    lines = {(error.source, error.utterance) for error in errors}
    return Cleaned(manifest, dropped_list, len(kept), len(lines))

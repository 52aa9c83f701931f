"""``asrtrain data stats``."""

from __future__ import annotations

from asrtrain.cli.options import AudioRoot, InputFormat, Manifest, ReportFormat
from asrtrain.cli.output import print_report


def stats(
    manifest: Manifest,
    input_format: InputFormat = "auto",
    audio_root: AudioRoot = None,
    report_format: ReportFormat = "text",
) -> None:
    """Describe a manifest: how much speech, by whom, how long, saying what."""
    from asrtrain.data.manifest import read_manifest
    from asrtrain.data.statistics import manifest_statistics

    print_report(manifest_statistics(read_manifest(manifest, input_format, audio_root)), report_format)

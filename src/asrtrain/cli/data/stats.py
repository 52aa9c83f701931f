"""``asrtrain data stats``."""

from __future__ import annotations

from asrtrain.cli.options import AudioRoot, InputFormat, Manifest, ReportFormat
from asrtrain.cli.output import print_report
from asrtrain.interrupts import held
from asrtrain.terminal import say


def stats(
    manifest: Manifest,
    input_format: InputFormat = "auto",
    audio_root: AudioRoot = None,
    report_format: ReportFormat = "text",
) -> None:
    """Describe a manifest: how much speech, by whom, how long, saying what."""
    with held():
        from asrtrain.data.complaints import raise_any
        from asrtrain.data.manifest import scan_manifest
        from asrtrain.data.statistics import manifest_statistics

    utterances, complaints = scan_manifest(manifest, input_format, audio_root)
    raise_any(complaints)
    for complaint in complaints:
        say(f"{complaint.severity}: {complaint}")
    print_report(manifest_statistics(utterances), report_format)

"""From one manifest format to another."""

from __future__ import annotations

from pathlib import Path

from asrtrain.data.manifest import AnyFormat, FormatName, read_manifest, write_manifest
from asrtrain.data.new_folder import refuse_occupied


def convert_manifest(
    source: Path,
    destination: Path,
    format: FormatName | None = None,
    *,
    source_format: AnyFormat = "auto",
    audio_root: Path | None = None,
) -> int:
    """Write a manifest in another format, by default the one of the suffix; the number of utterances.

    Raises DataError if the source has mistakes, if the format cannot hold it, or if the destination exists.
    """
    refuse_occupied(destination)
    utterances = read_manifest(source, source_format, audio_root)
    write_manifest(utterances, destination, format)
    return len(utterances)

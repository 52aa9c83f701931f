"""Writing manifests of a corpus's own splits."""

from __future__ import annotations

from pathlib import Path

from asrtrain.data.corpora.reading import find_corpus, load_splits
from asrtrain.data.manifest import FormatName, write_manifest

_FILES = ("csv", "tsv", "jsonl")


def prepare_corpus(name: str, folder: Path, output: Path, format: FormatName = "jsonl") -> dict[str, Path]:
    """Write a manifest of every split that is in ``folder``: ``output/train.jsonl``, or ``output/train`` as a folder.

    Returns where each split was written. Raises UsageError and DataError.
    """
    written = {}
    for split, utterances in load_splits(find_corpus(name), folder, output).items():
        path = output / (f"{split}.{format}" if format in _FILES else split)
        write_manifest(utterances, path, format)
        written[split] = path
    return written

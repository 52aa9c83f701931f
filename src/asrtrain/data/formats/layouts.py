"""Folders that are laid out in another way than a folder per class, and would give wrong labels if read as one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from asrtrain.data.formats.columns import meanings
from asrtrain.data.formats.walk import Walk
from asrtrain.errors import DataError
from asrtrain.files.reading import open_regular

AUDIO_FOLDER = ("metadata.csv", "metadata.jsonl", "metadata.tsv")
"""The tables that an AudioFolder has beside its recordings."""
_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".txt")
_SPLIT = re.compile(
    r"(train|training|dev|devel|development|val|valid|validation|eval|evaluation|test|testing)([-_ .].*|\d*)",
    re.IGNORECASE,
)
_PART = re.compile(r"(fold|part|split|shard|chunk|batch|session|sess|disc|disk|cd|set)[-_ ]?\d+", re.IGNORECASE)
_SPEAKER = re.compile(r"(speaker|spkr?|subject|subj|talker|user)[-_ ]?\w{1,6}", re.IGNORECASE)
_NUMBER = re.compile(r"[a-z]{1,2}\d{2,}|\d{2,}", re.IGNORECASE)
"""How corpora number their speakers: p225, F01, 01, 1089."""
_TRANSCRIPTS = (".txt", ".lab", ".trn", ".textgrid", ".trs", ".wrd")


@final
@dataclass(frozen=True, slots=True)
class OtherLayout:
    """What a folder is, and the way out; ``certain`` where it can be nothing else, whatever the user says it is."""

    sentence: str
    certain: bool


def other_layout(walk: Walk) -> OtherLayout | None:
    """The layout of a folder if it is not, or may not be, a folder per class."""
    return _librispeech(walk) or splits(walk) or _one_folder(walk) or _table(walk) or _sidecars(walk) or _names(walk)


def refuse(path: Path, layout: OtherLayout) -> None:
    """Raise DataError for a layout that nobody has said to be a folder per class."""
    way = "" if layout.certain else "; if the folders' names are the labels, say so: format: folder"
    raise DataError(f"{path}: {layout.sentence}{way}")


def _librispeech(walk: Walk) -> OtherLayout | None:
    transcript = next((path for path in walk.others if path.name.endswith(".trans.txt")), None)
    if transcript is None:
        return None
    return OtherLayout(
        f"this is LibriSpeech's layout ({transcript}), not a folder per class: "
        f"'asrtrain data prepare librispeech {walk.root}' writes manifests of it",
        certain=True,
    )


def splits(walk: Walk) -> OtherLayout | None:
    """Splits, or pieces of a corpus, in place of labels; other folders beside them may be documents."""
    for pattern, what in ((_SPLIT, "splits"), (_PART, "parts of a corpus")):
        named = [top for top in walk.tops if pattern.fullmatch(top)]
        deep = all(len(path.parts) > 2 for path in walk.recordings if path.parts[0] in named)
        if len(named) > 1 and (deep or len(named) == len(walk.tops)):
            ways = " and ".join(f"path: {walk.root / top}" for top in named[:2])
            return OtherLayout(
                f"the folders {', '.join(named[:4])} are {what}, not labels: give them one by one, {ways} "
                "(for data.train and data.test, say); if these are words that are said, list the recordings in a CSV "
                "file",
                certain=True,
            )
    return None


def _one_folder(walk: Walk) -> OtherLayout | None:
    """A folder around the folders of classes."""
    if len(walk.tops) != 1 or any(len(path.parts) == 2 for path in walk.recordings):
        return None
    inner = walk.root / walk.tops[0]
    return OtherLayout(f"all recordings lie deeper in {inner}, which would be the only label: give path: {inner}", True)


def _table(walk: Walk) -> OtherLayout | None:
    """A table beside the folders, or an AudioFolder's in one, that names recordings and what is said in them."""
    tables = [
        path
        for path in walk.others
        if path.name in AUDIO_FOLDER or (len(path.parts) == 1 and path.suffix.lower() in _TABLES)
    ]
    table = next((walk.root / path for path in tables if is_table(walk.root / path)), None)
    if table is None:
        return None
    return OtherLayout(
        f"{table.relative_to(walk.root)} in it seems to name recordings and their texts: give path: {table}", False
    )


def is_table(path: Path) -> bool:
    """Whether a file begins as a table, or as lines of JSON, that names recordings and texts."""
    try:
        with open_regular(path) as stream:
            first = stream.read(4096).decode("utf-8-sig", "replace").lstrip().partition("\n")[0]
    except OSError:
        return False
    names = re.findall(r'"([^"]*)"\s*:', first) if first.startswith(("{", "[")) else re.split(r"[,;\t|]", first)
    try:
        return bool(meanings(name.strip('" \r') for name in names))
    except ValueError:
        return False


def _sidecars(walk: Walk) -> OtherLayout | None:
    """A file of the recording's name says what is said in it: beside it, or in a folder of its own as in VCTK."""
    transcripts = {path.stem: path for path in walk.others if path.suffix.lower() in _TRANSCRIPTS}
    told = [path for path in walk.recordings if path.stem in transcripts]
    if 2 * len(told) <= len(walk.recordings):
        return None
    return OtherLayout(
        f"recordings have files of their own names that seem to say what is said ({told[0]}, "
        f"{transcripts[told[0].stem]}): list recordings and texts in a CSV file (audio,text,speaker)",
        certain=False,
    )


def _names(walk: Walk) -> OtherLayout | None:
    tops = walk.tops
    if tops and (all(_SPEAKER.fullmatch(top) for top in tops) or _numbered(tops)):
        return OtherLayout(
            f"the folders ({', '.join(tops[:3])}) seem to name speakers, not labels: list the recordings in a CSV file "
            "(audio,text,speaker)",
            certain=False,
        )
    if tops and all(len(path.parts) > 2 for path in walk.recordings):
        path = walk.recordings[0]
        return OtherLayout(
            f"all recordings lie folders deeper, such as {path}: the label may be {path.parts[0]!r} or "
            f"{path.parts[-2]!r}; for the latter, list the recordings in a CSV file (audio,text)",
            certain=False,
        )
    return None


def _numbered(tops: Sequence[str]) -> bool:
    """Whether folders are numbered as speakers are; numbers alone of two digits may be what is said: 10, 20, 30."""
    numbered = all(_NUMBER.fullmatch(top) for top in tops)
    return numbered and any(not top.isdigit() or top.startswith("0") or len(top) > 2 for top in tops)

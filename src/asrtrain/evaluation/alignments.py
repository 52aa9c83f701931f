"""Writing down where states, units and words lie in time: Kaldi's CTM, Praat's TextGrid, and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from asrtrain.errors import DataError
from asrtrain.files.names import distinct_names
from asrtrain.files.writing import make_folder, write_file
from asrtrain.types import Seconds

AlignmentFormat = Literal["ctm", "textgrid", "jsonl"]
Level = Literal["words", "units", "states"]
LEVELS: tuple[Level, ...] = get_args(Level)
_GRID = ".TextGrid"


@dataclass(frozen=True, slots=True)
class Interval:
    """What is said from ``start`` to ``end``."""

    label: str
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class Alignment:
    """An utterance's intervals on every level, each without a gap from where its first frame begins to its
    end, in times of the recording.
    """

    id: str
    levels: Mapping[Level, tuple[Interval, ...]]


def write_alignments(alignments: Sequence[Alignment], folder: Path, form: AlignmentFormat) -> list[Path]:
    """Write into a folder, which is made: a CTM file for each level, a TextGrid for each utterance, or one file of JSON
    lines. Returns the files. Raises DataError for names that the format cannot hold.
    """
    for alignment in alignments:
        labels = (one.label for level in LEVELS for one in alignment.levels[level])
        check_names((alignment.id, *labels), form)
    files = _FORMATS[form](alignments)
    make_folder(folder)
    for name, text in files.items():
        write_file(folder / name, text)
    return [folder / name for name in files]


def check_names(names: Iterable[str], form: AlignmentFormat) -> None:
    """Raise DataError for ids and labels with white space, if ``form`` is CTM: white space divides its columns."""
    spaced = next((name for name in names if form == "ctm" and len(name.split()) != 1), None)
    if spaced is not None:
        raise DataError(
            f"{spaced!r} cannot stand in a CTM file, where white space divides the columns: "
            "choose --format textgrid or jsonl"
        )


def _ctm(alignments: Sequence[Alignment]) -> dict[str, str]:
    """Lines ``utterance channel start duration label``, in seconds, sorted as Kaldi sorts."""
    ordered = sorted(alignments, key=lambda alignment: alignment.id.encode())
    return {
        f"{level}.ctm": "".join(
            f"{alignment.id} 1 {one.start:.3f} {one.end - one.start:.3f} {one.label}\n"
            for alignment in ordered
            for one in alignment.levels[level]
        )
        for level in LEVELS
    }


def _textgrid(alignments: Sequence[Alignment]) -> dict[str, str]:
    """Praat's text format, a tier for each level; characters that no file name may have become ``_``."""
    names = distinct_names((alignment.id for alignment in alignments), len(_GRID))
    return {names[alignment.id] + _GRID: _grid(alignment) for alignment in alignments}


def _grid(alignment: Alignment) -> str:
    end = alignment.levels["words"][-1].end
    span = [f"xmin = 0\nxmax = {end:.4f}"]
    tiers = [_tier(number, level, alignment.levels[level], end) for number, level in enumerate(LEVELS, 1)]
    head = ['File type = "ooTextFile"\nObject class = "TextGrid"\n', *span]
    return "\n".join([*head, f"tiers? <exists>\nsize = {len(tiers)}\nitem []:", *tiers]) + "\n"


def _tier(number: int, level: Level, intervals: Sequence[Interval], end: Seconds) -> str:
    if intervals[0].start > 0:  # a tier has no gap; what comes before the first frame is no label's
        intervals = [Interval("", 0.0, intervals[0].start), *intervals]
    lines = [
        f'    item [{number}]:\n        class = "IntervalTier"\n        name = "{level}"',
        f"        xmin = 0\n        xmax = {end:.4f}\n        intervals: size = {len(intervals)}",
    ]
    for place, one in enumerate(intervals, 1):
        label = one.label.replace('"', '""')
        lines.append(f"        intervals [{place}]:\n            xmin = {one.start:.4f}")
        lines.append(f'            xmax = {one.end:.4f}\n            text = "{label}"')
    return "\n".join(lines)


def _jsonl(alignments: Sequence[Alignment]) -> dict[str, str]:
    rows = (
        {"id": alignment.id, **{level: _plain(alignment.levels[level]) for level in LEVELS}} for alignment in alignments
    )
    return {"alignments.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)}


def _plain(intervals: Sequence[Interval]) -> list[dict[str, str | float]]:
    return [{"label": one.label, "start": round(one.start, 4), "end": round(one.end, 4)} for one in intervals]


_FORMATS = {"ctm": _ctm, "textgrid": _textgrid, "jsonl": _jsonl}

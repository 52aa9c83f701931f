"""Kaldi data directories whose files are all in one order, many lines at once: what Kaldi's own tools write.

The careful way, in ``kaldi``, holds all files in memory, since any of them may be in any order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np

from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.lines import Block, read_blocks
from asrtrain.data.formats.rows import IrregularError, Rows, Times, plain_cells


def read_kaldi_quickly(path: Path) -> Iterator[Rows]:
    """The directory in parts. Raises IrregularError for whatever takes a closer look."""
    folder = path.parent if path.name == "wav.scp" else path
    whole = not (folder / "segments").is_file()
    main = folder / ("wav.scp" if whole else "segments")
    recordings = {} if whole else _recordings(folder / "wav.scp")
    names = ("text", "utt2spk", "utt2dur", "reco2dur") if whole else ("text", "utt2spk")
    others = {name: _Values(read_blocks(folder / name)) for name in names if (folder / name).is_file()}
    if {"utt2dur", "reco2dur"} <= others.keys() or "text" not in others or not main.is_file():
        raise IrregularError
    for block in read_blocks(main):
        ids, audio, *times = _columns(block, 2 if whole else 4)
        told = {name: values.of(ids) for name, values in others.items()}
        durations: Times = told.get("utt2dur") or told.get("reco2dur") or []
        offsets: Times = []
        if not whole:
            audio = _known(audio, recordings)
            offsets, durations = _offsets_and_durations(*times)
        # Kaldi names an unknown speaker as the utterance.
        speakers = ["" if one == name else one for one, name in zip(told.get("utt2spk", ids), ids, strict=True)]
        lines = range(block.number, block.number + block.count)
        yield Rows(main, lines, _irregular, audio, told["text"], ids, speakers, durations, offsets)
    if not all(values.at_end() for values in others.values()):
        raise IrregularError


@final
@dataclass(slots=True)
class _Values:
    """The values of a file, which have to be asked for in the order of its keys."""

    blocks: Iterator[Block]
    _keys: list[str] = field(default_factory=list)
    _values: list[str] = field(default_factory=list)

    def of(self, keys: list[str]) -> list[str]:
        """The next values, if they are those of ``keys``."""
        count = len(keys)
        while len(self._keys) < count and self._read():
            pass
        if self._keys[:count] != keys:
            raise IrregularError
        values = self._values[:count]
        del self._keys[:count], self._values[:count]
        return values

    def at_end(self) -> bool:
        """Whether all has been asked for."""
        return not self._keys and not self._read()

    def _read(self) -> bool:
        for block in self.blocks:
            keys, values = _columns(block, 2)
            self._keys += keys
            self._values += values
            return True
        return False


def _columns(block: Block, width: int) -> list[list[str]]:
    """The columns of lines ``key value…``; blanks in the last one are its own."""
    text = block.text(b"\t\r\n")
    if text is None:
        raise IrregularError
    first = text[: text.index("\n")]
    plain = first.count(" ") == width - 1 and "\t" not in text and text.isascii()
    cells = plain_cells(text, " ", width) if plain else None
    if cells is not None and all(map(all, cells)):
        return cells
    found = re.findall("^" + r"[^\S\n]*+(\S++)" * (width - 1) + r"[^\S\n]++(\S.*+)$", text, re.MULTILINE)
    if len(found) != block.count:
        raise IrregularError
    *before, last = zip(*found, strict=True)
    return [*map(list, before), list(map(str.rstrip, last))]


def _recordings(path: Path) -> dict[str, str]:
    """Where the recordings of ``wav.scp`` are."""
    found: dict[str, str] = {}
    count = 0
    for block in read_blocks(path):
        found |= zip(*_columns(block, 2), strict=True)
        count += block.count
    if len(found) < count:
        raise IrregularError
    return found


def _known(names: Sequence[str], recordings: dict[str, str]) -> list[str]:
    try:
        return [recordings[name] for name in names]
    except KeyError:
        raise IrregularError from None


def _offsets_and_durations(starts: Sequence[str], ends: Sequence[str]) -> tuple[Times, Times]:
    """Of parts of recordings, in seconds; the end -1 is the recording's."""
    try:
        begin, end = (np.fromiter(map(float, times), np.float64, len(times)) for times in (starts, ends))
    except ValueError:
        raise IrregularError from None
    if not (np.isfinite(begin) & np.isfinite(end)).all():
        raise IrregularError
    return begin, np.where(end == -1, np.nan, end - begin)


def _irregular() -> list[Entry]:
    raise IrregularError

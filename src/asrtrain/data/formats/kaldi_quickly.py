"""Kaldi data directories whose files are all in one order, many lines at once: what Kaldi's own tools write.

The careful way, in ``kaldi``, holds all files in memory, since any of them may be in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.lines import Block, read_blocks
from asrtrain.data.formats.rows import IrregularError, Rows

_AT_ONCE = 4096


def read_kaldi_quickly(path: Path) -> Iterator[Rows]:
    """The directory in parts. Raises IrregularError for whatever takes a closer look."""
    folder = path.parent if path.name == "wav.scp" else path
    whole = not (folder / "segments").is_file()
    recordings = {} if whole else dict(_pairs(folder / "wav.scp"))
    main = folder / ("wav.scp" if whole else "segments")
    others = {name: _pairs(folder / name) for name in ("utt2spk", "utt2dur", "reco2dur") if (folder / name).is_file()}
    if {"utt2dur", "reco2dur"} <= others.keys() or not main.is_file() or not (folder / "text").is_file():
        raise IrregularError
    segments, texts = _pairs(main), _pairs(folder / "text")
    line = 1
    while some := list(islice(segments, _AT_ONCE)):
        ids = [name for name, _ in some]
        values = [value for _, value in some]
        speakers = _values(others["utt2spk"], ids) if "utt2spk" in others else []
        speakers = ["" if speaker == name else speaker for speaker, name in zip(speakers, ids, strict=bool(speakers))]
        durations: Sequence[str | float | None] = []
        offsets: Sequence[float] = []
        if not whole:
            values, offsets, durations = _parts(values, recordings)
        elif others.keys() & {"utt2dur", "reco2dur"}:
            durations = _values(others["utt2dur" if "utt2dur" in others else "reco2dur"], ids)
        lines = range(line, line + len(some))
        yield Rows(main, lines, _irregular, values, _values(texts, ids), ids, speakers, durations, offsets)
        line += len(some)
    if any(True for rest in (texts, *others.values()) for _ in islice(rest, 1)):
        raise IrregularError


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Lines ``key value…``."""
    for line in chain.from_iterable(map(_lines, read_blocks(path))):
        pair = line.split(None, 1)
        if len(pair) != 2:
            raise IrregularError
        yield pair[0], pair[1].rstrip()


def _lines(block: Block) -> list[str]:
    text = block.text(b"\t\r\n")
    if text is None:
        raise IrregularError
    return text.split("\n")[:-1]


def _values(pairs: Iterator[tuple[str, str]], ids: Sequence[str]) -> list[str]:
    """The next values, if they are those of ``ids``."""
    some = list(islice(pairs, len(ids)))
    if [name for name, _ in some] != ids:
        raise IrregularError
    return [value for _, value in some]


def _parts(values: Sequence[str], recordings: dict[str, str]) -> tuple[list[str], list[float], list[float | None]]:
    """Of lines ``recording start end`` the recordings' audio, the starts and the durations."""
    try:
        cells = [value.split() for value in values]
        times = [(float(start), float(end)) for _, start, end in cells]
        audio = [recordings[cell[0]] for cell in cells]
    except (ValueError, KeyError):
        raise IrregularError from None
    durations = [None if end == -1 else end - start for start, end in times]
    if 0 in durations:
        raise IrregularError
    return audio, [start for start, _ in times], durations


def _irregular() -> list[Entry]:
    raise IrregularError

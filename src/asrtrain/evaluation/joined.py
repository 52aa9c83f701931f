"""The transcripts of several recordings in one stream, told apart by the names of the recordings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import count

from asrtrain.errors import DataError
from asrtrain.evaluation.transcripts import WRITERS, Transcript
from asrtrain.files.names import printable


def _txt(transcripts: Iterable[Transcript]) -> Iterator[str]:
    """Lines of name, tab, text."""
    for transcript in transcripts:
        yield f"{printable(transcript.audio)}\t{transcript.hypothesis.text}\n"


def _jsonl(transcripts: Iterable[Transcript]) -> Iterator[str]:
    yield from map(WRITERS["jsonl"], transcripts)


def _json(transcripts: Iterable[Transcript]) -> Iterator[str]:
    """One array, which is ended too where recordings could not be read."""
    mark = "["
    try:
        for transcript in transcripts:
            lines = json.dumps(transcript.to_json(), ensure_ascii=False, indent=2).splitlines()
            yield mark + "".join(f"\n  {line}" for line in lines)
            mark = ","
    except DataError:
        yield _end(mark)
        raise
    yield _end(mark)


def _end(mark: str) -> str:
    return "[]\n" if mark == "[" else "\n]\n"


def _tsv(transcripts: Iterable[Transcript]) -> Iterator[str]:
    """The table of one recording, with a column for the name before it."""
    yield "audio\tstart\tend\ttext\n"
    for transcript in transcripts:
        _, *rows = WRITERS["tsv"](transcript).splitlines()
        yield "".join(f"{printable(transcript.audio)}\t{row}\n" for row in rows)


def _vtt(transcripts: Iterable[Transcript]) -> Iterator[str]:
    """A note before the cues of each recording, whose times begin again."""
    yield "WEBVTT\n"
    for transcript in transcripts:
        name = printable(transcript.audio).replace("-->", "->")  # which no note may hold
        yield f"\nNOTE {name}\n" + WRITERS["vtt"](transcript).removeprefix("WEBVTT\n")


def _srt(transcripts: Iterable[Transcript]) -> Iterator[str]:
    """Cues that are counted through, with the name before their text: SubRip has no notes. Times begin again."""
    numbers = count(1)
    for transcript in transcripts:
        for cue in WRITERS["srt"](transcript).split("\n\n"):
            _, times, text = (*cue.rstrip("\n").split("\n", 2), "", "")[:3]
            if times:
                yield f"{next(numbers)}\n{times}\n[{printable(transcript.audio)}] {text}\n\n"


JOINED: dict[str, Callable[[Iterable[Transcript]], Iterator[str]]] = {
    "txt": _txt,
    "json": _json,
    "jsonl": _jsonl,
    "srt": _srt,
    "vtt": _vtt,
    "tsv": _tsv,
}
"""Format name → the text of several transcripts, in pieces as they are ready."""

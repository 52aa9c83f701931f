"""Kaldi data directories: wav.scp, text, and where they exist utt2spk, segments, utt2dur and reco2dur; in any order.

Kaldi resolves relative paths from the working directory; here they are seen from the directory itself, which can then
be moved. Commands in ``wav.scp`` (``sox … |``) are refused with their line, and never run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.lines import read_lines, write_lines
from asrtrain.data.formats.paths import one_line, relative_audio
from asrtrain.data.formats.rows import Rows
from asrtrain.data.new_folder import new_folder, refuse_occupied
from asrtrain.errors import DataError
from asrtrain.types import Source, Utterance

FILES = ("wav.scp", "text", "segments", "utt2spk", "utt2dur", "reco2dur")


@dataclass(frozen=True, slots=True)
class _Value:
    text: str
    source: Source


_Table = dict[str, _Value]


def read_kaldi(path: Path, complaints: list[Complaint]) -> Iterator[Rows | list[Entry]]:
    """Read a Kaldi data directory, given as the directory or its ``wav.scp``."""
    folder = path.parent if path.name == "wav.scp" else path
    texts, recordings = _table(folder / "text", complaints), _table(folder / "wav.scp", complaints)
    speakers = _optional(folder / "utt2spk", complaints)
    segments = _optional(folder / "segments", complaints)
    if segments:
        entries = _segments(segments, recordings, complaints)
    else:
        durations = _optional(folder / "reco2dur", complaints) | _optional(folder / "utt2dur", complaints)
        entries = {
            name: Entry(
                audio.source, audio.text, "", name, duration=durations[name].text if name in durations else None
            )
            for name, audio in recordings.items()
        }
    utterances = segments or recordings
    complaints += _orphans(texts, utterances, "has a text but no audio")
    complaints += _orphans(utterances, texts, "has audio but no line in text")
    complaints += _without_speakers(speakers, texts, utterances)
    yield [_told(entry, texts[name], speakers.get(name)) for name, entry in entries.items() if name in texts]


def _told(entry: Entry, text: _Value, speaker: _Value | None) -> Entry:
    # Kaldi names an unknown speaker as the utterance.
    known = "" if speaker is None or speaker.text == entry.id else speaker.text
    return Entry(entry.source, entry.audio, text.text, entry.id, known, entry.duration, entry.offset, text.source)


def _table(path: Path, complaints: list[Complaint]) -> _Table:
    """Lines ``key value…``, the value perhaps empty."""
    table: _Table = {}
    for number, line in read_lines(path, complaints):
        key, value = (*line.split(maxsplit=1), "")[:2]
        source = Source(path, number)
        if key in table:
            message = f"{key!r} was in line {table[key].source.line} already"
            complaints.append(Complaint("duplicate_id", message, source))
        else:
            table[key] = _Value(value.strip(), source)
    return table


def _optional(path: Path, complaints: list[Complaint]) -> _Table:
    return _table(path, complaints) if path.is_file() else {}


def _segments(segments: _Table, recordings: _Table, complaints: list[Complaint]) -> dict[str, Entry]:
    """Lines ``utterance recording start end`` (seconds; the end -1 is the recording's)."""
    entries = {}
    for name, segment in segments.items():
        try:
            recording, start, end = segment.text.split()
            times = float(start), float(end)
        except ValueError:
            message = f"expected {name!r}, a recording, its start and end in seconds; found {segment.text!r}"
            complaints.append(Complaint("malformed", message, segment.source, name))
            continue
        if recording not in recordings:
            message = f"the recording {recording!r} is not in wav.scp"
            complaints.append(Complaint("malformed", message, segment.source, name))
            continue
        duration = None if times[1] == -1 else times[1] - times[0]
        entries[name] = Entry(segment.source, recordings[recording].text, "", name, duration=duration, offset=times[0])
    return entries


def _orphans(table: _Table, others: _Table, message: str) -> list[Complaint]:
    """Of keys that the others lack; in one sentence where they have none in common."""
    orphans = [(name, value) for name, value in table.items() if name not in others]
    if len(orphans) > 1 and len(orphans) == len(table):
        name, value = orphans[0]
        others_first = next(iter(others.values()), None)
        there = f"; {others_first.source} has {next(iter(others))!r}" if others_first else ""
        every = f"{name!r} {message}, and so it is with all {len(table)} ids of the file{there}"
        return [Complaint("malformed", every, value.source)]
    return [Complaint("malformed", f"{name!r} {message}", value.source, name) for name, value in orphans]


def _without_speakers(speakers: _Table, texts: _Table, audio: _Table) -> list[Complaint]:
    """Of a utt2spk that does not name the utterances, in a sentence for each way in which it does not."""
    unknown = [(name, one.source) for name, one in speakers.items() if name not in texts and name not in audio]
    missing = [(name, one.source) for name, one in texts.items() if name in audio and name not in speakers]
    said = (
        ((unknown, "is no utterance: text has no such line"), (missing, "has no line in utt2spk")) if speakers else ()
    )
    return [
        Complaint("malformed", f"{names[0][0]!r} {what}{_and_more(len(names) - 1)}", names[0][1])
        for names, what in said
        if names
    ]


def _and_more(count: int) -> str:
    return f", and so it is with {count} more" if count else ""


def write_kaldi(utterances: Sequence[Utterance], path: Path) -> None:
    """Write a Kaldi data directory, each file in the order of code points (``LC_ALL=C sort``).

    Where utterances share a recording, or begin within one, ``segments`` is written. Raises DataError for ids that
    cannot be keys.
    """
    spaced = next((u for u in utterances for name in (u.id, u.speaker) if any(c.isspace() for c in name)), None)
    if spaced:
        raise DataError(
            f"{spaced.source or spaced.id}: Kaldi's ids and speakers hold no white space; {spaced.id!r} does"
        )
    ordered = sorted(utterances, key=lambda utterance: utterance.id)
    refuse_occupied(path)
    with new_folder(path) as made:
        _write_tables(ordered, made, path)


def _write_tables(ordered: Sequence[Utterance], made: Path, path: Path) -> None:
    """Write all files into ``made``, as they are to stand in ``path``."""
    speakers = {u.id: u.speaker or u.id for u in ordered}
    _write(made / "text", ((u.id, one_line(u.text)) for u in ordered))
    _write(made / "utt2spk", speakers.items())
    spoken: dict[str, list[str]] = {}
    for name, speaker in speakers.items():
        spoken.setdefault(speaker, []).append(name)
    _write(made / "spk2utt", ((speaker, " ".join(names)) for speaker, names in sorted(spoken.items())))
    _write_audio(ordered, made, path)


def _write_audio(utterances: Sequence[Utterance], made: Path, folder: Path) -> None:
    recordings: dict[Path, str] = {}
    for utterance in utterances:
        recordings.setdefault(utterance.audio, utterance.id)
    audio = {name: relative_audio(path, folder) for path, name in recordings.items()}
    _write(made / "wav.scp", sorted(audio.items()))
    if len(recordings) < len(utterances) or any(utterance.offset for utterance in utterances):
        _write(made / "segments", ((u.id, f"{recordings[u.audio]} {_start_and_end(u)}") for u in utterances))
    elif all(utterance.duration for utterance in utterances):
        _write(made / "utt2dur", ((u.id, repr(u.duration)) for u in utterances))


def _start_and_end(utterance: Utterance) -> str:
    end = -1 if utterance.duration is None else utterance.offset + utterance.duration
    return f"{utterance.offset!r} {end!r}"


def _write(path: Path, table: Iterable[tuple[str, str]]) -> None:
    write_lines(path, (f"{key} {value}" for key, value in table))

"""lhotse's Shar: folders with ``cuts.000000.jsonl.gz``, and ``recording.000000.tar`` with the recording of every cut.

Read without lhotse, since both are plain: a cut's recording is the member of its name. Only single recordings
(``MonoCut``) that lie in the tar file are read; nothing is fetched, and no command is run.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.lines import LONGEST_LINE
from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.data.tar_index import members
from asrtrain.errors import DataError
from asrtrain.files.json_text import parse_json
from asrtrain.types import Source


def shar_files(folder: Path) -> list[tuple[Path, Path]]:
    """The files of cuts and of recordings, in the order of their names. Raises DataError."""
    cuts = sorted(folder.glob("cuts.*.jsonl.gz"))
    if not cuts:
        raise DataError(f"{folder}: no Shar folder; expected files cuts.000000.jsonl.gz and recording.000000.tar")
    found = [(file, folder / f"recording.{file.name.split('.')[1]}.tar") for file in cuts]
    missing = next((recordings for _, recordings in found if not recordings.is_file()), None)
    if missing:
        raise DataError(
            f"{missing}: no such file; Shar has it beside its cuts where fields={{'recording': …}} was said"
        )
    return found


def read_shar(folder: Path, complaints: list[Complaint]) -> Iterator[list[Entry]]:
    """What each file of cuts holds."""
    for cuts, recordings in tqdm(shar_files(folder), "reading shards", unit="shard", disable=None, leave=False):
        yield list(_entries(cuts, recordings, complaints))


def _entries(cuts: Path, recordings: Path, complaints: list[Complaint]) -> Iterator[Entry]:
    names = [member.name for member in members(recordings)]
    audio = {name.rpartition(".")[0]: name for name in names if name.lower().endswith(AUDIO_SUFFIXES)}
    for number, line in _lines(cuts):
        try:
            yield _entry(parse_json(line), recordings.absolute(), audio)
        except ValueError as error:
            complaints.append(Complaint("malformed", str(error), Source(cuts, number)))


def _lines(cuts: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with gzip.open(cuts) as stream:
            for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE + 1), b""), start=1):
                if len(line) > LONGEST_LINE:
                    raise DataError(f"{cuts}:{number}: a line longer than 1 MiB: these are no cuts")
                if not line.isspace():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{cuts}: cannot be unpacked: {error}") from error


def _entry(cut: Any, recordings: Path, audio: Mapping[str, str]) -> Entry:  # noqa: ANN401  # anything that JSON holds
    """Raises ValueError for a cut that is no utterance."""
    if not isinstance(cut, dict) or cut.get("type") != "MonoCut":
        raise ValueError("no MonoCut; write cuts of single recordings (cuts.trim_to_supervisions()) to Shar")
    name, said = cut.get("id"), cut.get("supervisions")
    if not isinstance(name, str) or not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise ValueError("a cut has an id and supervisions")
    if name not in audio:
        raise ValueError(f"the recording of {name!r} is not in {recordings.name}")
    text = " ".join(str(one.get("text") or "") for one in sorted(said, key=lambda one: _seconds(one, "start") or 0))
    speakers = {str(one.get("speaker") or "") for one in said}
    path = recordings / audio[name]
    speaker = speakers.pop() if len(speakers) == 1 else ""
    return Entry(Source(path), str(path), text, name, speaker, _seconds(cut, "duration"), _seconds(cut, "start"))


def _seconds(values: Mapping[str, Any], what: str) -> float | None:
    value = values.get(what)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise ValueError(f"the {what} is {json.dumps(value)[:40]}; expected a number of seconds")

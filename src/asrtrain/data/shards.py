"""Shards: tar files as WebDataset has them, members of one name but for their suffix making one utterance.

``000123.flac`` is the recording, ``000123.txt`` what is said in it, ``000123.json`` what else is known of it: id, text,
speaker, duration (seconds). The name ends at the first dot.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, final

import numpy as np
import soundfile
from tqdm import tqdm

from asrtrain.data.audio import audio_info, read_audio
from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.columns import COLUMNS
from asrtrain.data.formats.entry import Entry
from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.data.new_folder import new_folder, refuse_occupied
from asrtrain.data.recordings import read_whole
from asrtrain.data.tar_index import Member, members
from asrtrain.errors import DataError
from asrtrain.files.json_text import parse_json
from asrtrain.files.writing import new_file
from asrtrain.types import Source, Utterance

LARGEST_TEXT = 1 << 20
"""Bytes of a text or description; more is none."""


def shard_files(path: Path) -> list[Path]:
    """The tar files that a path names: itself, or those in a folder, in the order of their names. Raises DataError."""
    found = sorted(path.glob("*.tar")) if path.is_dir() else [path]
    if not found or not all(file.is_file() for file in found):
        raise DataError(f"{path}: no shards there; name a tar file, or a folder of files *.tar")
    return found


def read_shards(path: Path, complaints: list[Complaint]) -> Iterator[list[Entry]]:
    """What each of the shards that a path names holds."""
    for file in tqdm(shard_files(path), "reading shards", unit="shard", disable=None, leave=False):
        yield list(_entries(file, complaints))


@final
@dataclass(slots=True)
class _Sample:
    """What a shard holds under one name."""

    audio: list[Member] = field(default_factory=list)
    texts: list[Member] = field(default_factory=list)
    known: list[Member] = field(default_factory=list)


def _entries(file: Path, complaints: list[Complaint]) -> Iterator[Entry]:
    samples: dict[str, _Sample] = {}
    for member in members(file):
        path = PurePosixPath(member.name)
        key, _, suffix = path.name.partition(".")
        sample = samples.setdefault((path.parent / key).as_posix(), _Sample())
        if PurePosixPath(f"x.{suffix}").suffix.lower() in AUDIO_SUFFIXES:
            sample.audio.append(member)
        elif suffix == "txt":
            sample.texts.append(member)
        elif suffix == "json":
            sample.known.append(member)
    for key, sample in samples.items():
        try:
            yield _entry(key, sample)
        except ValueError as error:
            complaints.append(Complaint("malformed", str(error), Source(file / key)))


def _entry(key: str, sample: _Sample) -> Entry:
    """Raises ValueError for what is no utterance."""
    if len(sample.audio) != 1:
        raise ValueError(f"{len(sample.audio) or 'no'} recordings of this name; expected one")
    if not sample.texts and not sample.known:
        raise ValueError("neither .txt nor .json of this name says what is said in it")
    if len(sample.texts) > 1 or len(sample.known) > 1:
        raise ValueError("two .txt or two .json of this name; write the shard anew with names that differ")
    known = _known(sample.known[0]) if sample.known else {}
    audio = sample.audio[0]
    path = audio.tar.absolute() / audio.name
    text = _text(sample.texts[0]) if sample.texts else known.get("text", "")
    return Entry(
        Source(path), str(path), text, known.get("id") or key, known.get("speaker", ""), known.get("duration"), None
    )


def _known(member: Member) -> dict[str, Any]:
    try:
        values = parse_json(_text(member))
    except ValueError as error:
        raise ValueError(f"{member.name} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{member.name} holds no object {{…}}")
    found = {
        meaning: next((values[key] for key in COLUMNS[meaning] if values.get(key) is not None), None)
        for meaning in ("id", "text", "speaker", "duration")
    }
    for meaning, value in found.items():
        kinds = (int, float) if meaning == "duration" else (str, int)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
            raise ValueError(f"{member.name}: the {meaning} is {json.dumps(value)[:40]}")
    return {name: str(value) if name != "duration" else value for name, value in found.items() if value is not None}


def _text(member: Member) -> str:
    if member.size > LARGEST_TEXT:
        raise ValueError(f"{member.name} is larger than 1 MiB: this is no text")
    try:
        return member.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{member.name} is not UTF-8 at byte {error.start + 1}") from error


def write_shards(utterances: Sequence[Utterance], folder: Path, per_shard: int) -> int:
    """Write utterances in their order into ``folder``, which must be new or empty; returns the number of shards.

    Whole recordings are copied as they are; parts of recordings become FLAC of 16 bits. Raises DataError.
    """
    refuse_occupied(folder)
    if per_shard < 1:
        raise DataError(f"{per_shard} utterances a shard: give a number of 1 or more")
    with new_folder(folder) as complete:
        shown = tqdm(total=len(utterances), desc="writing shards", unit="utterance", disable=None, leave=False)
        for number in count():
            some = utterances[number * per_shard : (number + 1) * per_shard]
            if not len(some):
                return number
            name = complete / f"shard-{number:06d}.tar"
            with new_file(name) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                for place, utterance in enumerate(some, number * per_shard):
                    _write(tar, f"{place:09d}", utterance)
                    shown.update()
    raise AssertionError


def _write(tar: tarfile.TarFile, key: str, utterance: Utterance) -> None:
    info = audio_info(utterance.audio)
    duration = info.duration - utterance.offset if utterance.duration is None else utterance.duration
    whole = utterance.offset == 0 and abs(duration - info.duration) < 1 / info.sample_rate
    if whole:
        suffix, content = utterance.audio.suffix.lower(), read_whole(utterance.audio)
    else:
        suffix, content = ".flac", _flac(utterance, info.sample_rate)
    known = {"id": utterance.id, "text": utterance.text, "speaker": utterance.speaker, "duration": duration}
    described = json.dumps({name: value for name, value in known.items() if value}, ensure_ascii=False)
    for end, data in ((suffix, content), (".json", described.encode()), (".txt", utterance.text.encode())):
        member = tarfile.TarInfo(key + end)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))


def _flac(utterance: Utterance, rate: int) -> bytes:
    samples = read_audio(utterance.audio, rate, offset=utterance.offset, duration=utterance.duration).samples
    written = io.BytesIO()
    rounded = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    soundfile.write(written, rounded, rate, format="FLAC", subtype="PCM_16")
    return written.getvalue()

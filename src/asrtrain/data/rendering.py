"""Audio that has to be made (synthesis, digit strings): written once into a folder keyed by all that decides it."""

from __future__ import annotations

import hashlib
import json
import shutil
import wave
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asrtrain.data.contents import content_hashes, digest_of
from asrtrain.data.manifest import read_manifest, write_manifest
from asrtrain.data.new_folder import new_folder
from asrtrain.errors import DataError
from asrtrain.files.sealed import seal, unseal
from asrtrain.files.writing import new_file, write_file
from asrtrain.interrupts import held
from asrtrain.terminal import say
from asrtrain.types import Hertz, Utterance

if TYPE_CHECKING:
    import numpy.typing as npt

_MANIFEST, _HASHES = "manifest.jsonl", "hashes.json"


@dataclass(frozen=True, slots=True)
class Rendered:
    """One utterance that a renderer made: mono ``samples`` (S,), float32 in [-1, 1]."""

    text: str
    speaker: str
    samples: npt.NDArray[np.float32]


def render_once(
    cache: Path, name: str, decided_by: object, sample_rate: Hertz, make: Callable[[], Iterable[Rendered]]
) -> list[Utterance]:
    """The utterances that ``make`` yields, as 16-bit WAV files and a manifest in ``cache/<name>-<key>``.

    The key is a hash of ``decided_by``: all that the audio depends on, in plain values that JSON can write. Ids begin
    with name and key, so that sources with other settings never share one. Where the folder is there, and every file in
    it as it was written, nothing is made; of two processes that make it at once the first wins. Raises DataError.
    """
    key = hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:12]
    folder = cache / f"{name}-{key}"
    if folder.is_dir():
        if (found := _whole(folder, cache)) is not None:
            return found
        say(f"{folder} is damaged, or of an older version: it is made again")
        shutil.rmtree(folder, ignore_errors=True)
    with new_folder(folder) as complete:
        written = [
            _write(complete / f"{folder.name}-{index:05d}.wav", utterance, sample_rate)
            for index, utterance in enumerate(make())
        ]
        write_manifest(written, complete / _MANIFEST)
        write_file(complete / _HASHES, seal(_hashes(complete, written, cache)))
    return list(read_manifest(folder / _MANIFEST))


def _whole(folder: Path, cache: Path) -> list[Utterance] | None:
    """The utterances in a folder where every file is as it was written."""
    try:
        hashes = unseal((folder / _HASHES).read_bytes())
        utterances = list(read_manifest(folder / _MANIFEST))
        return utterances if hashes == _hashes(folder, utterances, cache) else None
    except (OSError, ValueError, DataError):
        return None


def _hashes(folder: Path, utterances: Sequence[Utterance], cache: Path) -> dict[str, str]:
    """Of the manifest and of all recordings."""
    manifest = hashlib.sha256((folder / _MANIFEST).read_bytes()).hexdigest()
    return {"manifest": manifest, "recordings": digest_of(content_hashes(utterances, cache))}


def _write(path: Path, utterance: Rendered, sample_rate: Hertz) -> Utterance:
    # Rounded and written here, without an audio library: the bytes depend on nothing but the samples.
    samples = np.clip(np.rint(utterance.samples * 32768.0), -32768, 32767).astype("<i2")
    # Held, as half of a writer complains when it is cleared away.
    with held(), new_file(path) as file, wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sample_rate)
        out.writeframes(samples.tobytes())
    return Utterance(path.stem, path, utterance.text, utterance.speaker, len(samples) / sample_rate)

"""Audio that has to be made (synthesis, digit strings): written once into a folder keyed by all that decides it."""

from __future__ import annotations

import hashlib
import json
import shutil
import wave
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asrtrain.data.new_folder import new_folder
from asrtrain.errors import DataError
from asrtrain.types import Hertz, Utterance

if TYPE_CHECKING:
    import numpy.typing as npt

_LIST = "utterances.json"


@dataclass(frozen=True, slots=True)
class Rendered:
    """One utterance made by a renderer: mono ``samples`` (S,), float32 in [-1, 1]."""

    id: str
    text: str
    speaker: str
    samples: npt.NDArray[np.float32]


def render_once(
    cache: Path, name: str, decided_by: object, sample_rate: Hertz, make: Callable[[], Iterable[Rendered]]
) -> list[Utterance]:
    """The utterances that ``make`` yields, as 16-bit WAV files in ``cache/<name>-<hash of decided_by>``.

    Where that folder is complete nothing is made; of two processes that make it at once the first wins.
    ``decided_by`` is all that the audio depends on, in plain values that JSON can write. Raises DataError.
    """
    key = hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache / f"{name}-{key}"
    if not (folder / _LIST).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        with new_folder(folder) as complete:
            lines = [_write(complete, utterance, sample_rate) for utterance in make()]
            (complete / _LIST).write_text(json.dumps(lines, ensure_ascii=False, indent=0), encoding="utf-8")
    return _listed(folder)


def _write(folder: Path, utterance: Rendered, sample_rate: Hertz) -> dict[str, object]:
    # Rounded and written here, without an audio library: the bytes depend on nothing but the samples.
    samples = np.clip(np.rint(utterance.samples * 32768.0), -32768, 32767).astype("<i2")
    file = f"{utterance.id}.wav"
    with wave.open(str(folder / file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sample_rate)
        out.writeframes(samples.tobytes())
    return {
        "id": utterance.id,
        "audio": file,
        "text": utterance.text,
        "speaker": utterance.speaker,
        "duration": len(samples) / sample_rate,
    }


def _listed(folder: Path) -> list[Utterance]:
    try:
        lines = json.loads((folder / _LIST).read_text(encoding="utf-8"))
        return [Utterance(x["id"], folder / x["audio"], x["text"], x["speaker"], x["duration"]) for x in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / _LIST} is damaged: delete the folder {folder} and it will be made again") from error

"""Speech Commands, version 1 or 2: ``WORD/SPEAKER_nohash_N.wav``, with the official lists of two of the splits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, final

import numpy as np
from pydantic import Field, Strict

from asrtrain.data.audio import audio_info
from asrtrain.data.complaints import Complaint, raise_any
from asrtrain.data.corpora.interface import Archive, Card, CorpusConfig
from asrtrain.data.corpora.layout import locate
from asrtrain.data.formats.lines import read_lines
from asrtrain.errors import DataError
from asrtrain.types import Source, Utterance

_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
_NOISE = "_background_noise_"
_UNKNOWN, _SILENCE = "_unknown_", "_silence_"


@final
class SpeechCommandsConfig(CorpusConfig):
    """One-second words of thousands of speakers (Warden, 2018)."""

    card: ClassVar[Card] = Card(
        title="Speech Commands 2: 35 isolated words, 2,618 speakers, 16 kHz",
        language="English",
        size="105,829 recordings, 29 h, 2.3 GB",
        licence="CC BY 4.0",
        homepage="https://arxiv.org/abs/1804.03209",
        splits=("train", "validation", "test"),
        archives=(
            Archive(
                "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
                "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
            ),
        ),
    )

    name: Literal["speech_commands"] = "speech_commands"
    split: Literal["train", "validation", "test", "all"] = "train"
    """The corpus's own split; no speaker is in two of them."""
    words: Annotated[tuple[str, ...], Strict(False), Field(min_length=1)] | None = None
    """Keep these words only; null keeps all."""
    unknown: Annotated[float, Field(ge=0)] = 0.0
    """Add recordings of the other words, labelled _unknown_: so many for each recording kept."""
    silence: Annotated[float, Field(ge=0)] = 0.0
    """Add seconds of background noise, labelled _silence_: so many for each recording kept."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Decides which unknown words and which seconds of noise are taken."""

    def load(self, cache: Path) -> list[Utterance]:
        """List the split by word and name; nothing is written to ``cache``."""
        root = locate(self.folder, _LISTS["test"], self.name)
        recordings = self._recordings(root)
        present = {path.parent.name for path in recordings}
        missing = sorted(set(self.words or ()) - present)
        if missing:
            raise DataError(f"{root}: no recordings of {', '.join(missing)}; there are {', '.join(sorted(present))}")
        random = np.random.Generator(np.random.PCG64(self.seed))
        kept = [path for path in recordings if self.words is None or path.parent.name in self.words]
        others = [path for path in recordings if self.words is not None and path.parent.name not in self.words]
        chosen = random.permutation(len(others))[: round(self.unknown * len(kept))]
        return [
            *(_utterance(path, path.parent.name) for path in kept),
            *(_utterance(others[index], _UNKNOWN) for index in sorted(chosen)),
            *_noises(root, round(self.silence * len(kept)), random),
        ]

    def _recordings(self, root: Path) -> list[Path]:
        listed = {split: _listed(root, root / file) for split, file in _LISTS.items()}
        if self.split in listed:
            return sorted(listed[self.split])
        words = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))
        recordings = [path for word in words for path in sorted(word.glob("*.wav"))]
        if self.split == "all":
            return recordings
        elsewhere = listed["validation"] | listed["test"]
        return [path for path in recordings if path not in elsewhere]


def _listed(root: Path, file: Path) -> set[Path]:
    complaints: list[Complaint] = []
    paths = set()
    for number, line in read_lines(file, complaints):
        path = root / line.strip()
        if not path.is_file():
            complaints.append(Complaint("missing_audio", f"there is no {path}", Source(file, number)))
        paths.add(path)
    raise_any(complaints)
    return paths


def _utterance(path: Path, label: str) -> Utterance:
    return Utterance(f"{path.parent.name}/{path.stem}", path, label, path.stem.partition("_nohash_")[0])


def _noises(root: Path, count: int, random: np.random.Generator) -> list[Utterance]:
    """Seconds of the noise recordings, at random places."""
    if not count:
        return []
    files = sorted((root / _NOISE).glob("*.wav"))
    if not files:
        raise DataError(f"{root / _NOISE}: no noise recordings; set silence to 0")
    durations = [audio_info(path).duration for path in files]
    picks = random.integers(len(files), size=count)
    offsets = [float(random.uniform(0, max(0.0, durations[pick] - 1))) for pick in picks]
    return [
        Utterance(f"{_SILENCE}/{index:05d}", files[pick], _SILENCE, _SILENCE, min(1.0, durations[pick]), offset)
        for index, (pick, offset) in enumerate(zip(picks, offsets, strict=True))
    ]

"""CMU's AN4, the census data: ``etc/an4_train.fileids``, ``etc/an4_train.transcription``, NIST SPHERE or raw audio.

Raw files have no header: 16 bits, 16 kHz, little endian. No reader could tell, so they are copied into WAV files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, final

import numpy as np

from asrtrain.data.complaints import Complaint, raise_any
from asrtrain.data.corpora.interface import Archive, Card, CorpusConfig
from asrtrain.data.corpora.layout import locate
from asrtrain.data.formats.lines import read_lines
from asrtrain.data.rendering import Rendered, render_once
from asrtrain.types import Source, Utterance

_LINE = re.compile(r"(?:<s>)?(?P<text>[^(]*?)(?:</s>)?\s*\((?P<name>[^()]+)\)\s*")
_RAW_RATE = 16000
_SUFFIXES = (".sph", ".wav", ".raw")


@final
class AN4Config(CorpusConfig):
    """Names, addresses and numbers, spelt and spoken (Acero and Stern, 1990), in upper case."""

    card: ClassVar[Card] = Card(
        title="AN4: spelt names, addresses, dates and numbers, 84 speakers, 16 kHz",
        language="English",
        size="1,078 utterances, 0.9 h, 64 MB",
        licence="free, with Carnegie Mellon University's notice",
        homepage="https://www.speech.cs.cmu.edu/databases/an4",
        splits=("train", "test"),
        archives=(Archive("http://www.speech.cs.cmu.edu/databases/an4/an4_sphere.tar.gz"),),
    )

    name: Literal["an4"] = "an4"
    split: Literal["train", "test"] = "train"
    """The corpus's own split; no speaker is in both."""

    def load(self, cache: Path) -> list[Utterance]:
        """List the split in the order of ``fileids``; raw audio is copied to WAV files in ``cache``."""
        root = locate(self.folder, "etc/an4_train.fileids", self.name)
        complaints: list[Complaint] = []
        transcripts = _transcripts(root / "etc" / f"an4_{self.split}.transcription", complaints)
        fileids = root / "etc" / f"an4_{self.split}.fileids"
        found = [
            _utterance(root / "wav" / line.strip(), transcripts, Source(fileids, number), complaints)
            for number, line in read_lines(fileids, complaints)
        ]
        raise_any(complaints)
        return self._with_headers([utterance for utterance in found if utterance], cache)

    def _with_headers(self, utterances: Sequence[Utterance], cache: Path) -> list[Utterance]:
        raw = [utterance for utterance in utterances if utterance.audio.suffix == ".raw"]
        if not raw:
            return list(utterances)
        decided_by = [[str(utterance.audio), utterance.audio.stat().st_mtime_ns] for utterance in raw]
        copies = render_once(cache, self.name, decided_by, _RAW_RATE, lambda: _decoded(raw))
        copy_of = {utterance.id: copy for utterance, copy in zip(raw, copies, strict=True)}
        return [replace(u, audio=copy_of[u.id].audio) if u.id in copy_of else u for u in utterances]


def _transcripts(file: Path, complaints: list[Complaint]) -> dict[str, str]:
    """Lines ``<s> RUBOUT M N </s> (an4-fash-b)``; the marks of the sentence's ends may be missing."""
    transcripts = {}
    for number, line in read_lines(file, complaints):
        match = _LINE.fullmatch(line.strip())
        if match:
            transcripts[match["name"]] = match["text"].strip()
        else:
            complaints.append(Complaint("malformed", f"expected WORDS (name), found {line!r}", Source(file, number)))
    return transcripts


def _utterance(
    path: Path, transcripts: dict[str, str], source: Source, complaints: list[Complaint]
) -> Utterance | None:
    name = path.name
    audio = next((file for suffix in _SUFFIXES if (file := path.with_name(name + suffix)).is_file()), None)
    if audio is None:
        complaints.append(Complaint("missing_audio", f"there is no {path} with {', '.join(_SUFFIXES)}", source, name))
    if name not in transcripts:
        complaints.append(Complaint("malformed", f"{name!r} has no transcript", source, name))
    if audio is None or name not in transcripts:
        return None
    return Utterance(name, audio, transcripts[name], path.parent.name, source=source)


def _decoded(utterances: Sequence[Utterance]) -> Iterator[Rendered]:
    for utterance in utterances:
        samples = np.fromfile(utterance.audio, dtype="<i2").astype(np.float32) / 32768.0
        yield Rendered(utterance.text, utterance.speaker, samples)

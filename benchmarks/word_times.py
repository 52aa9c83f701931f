"""How far word times are from where words begin: strings of recordings whose places are known, by trained runs.

``python benchmarks/word_times.py RUN [RUN …] [--strings N]``: strings of FSDD's test recordings of one speaker after
another, with gaps of up to 0.2 s, are transcribed, in batches of 1 and of 16. Words that are right are compared with
the first sample of their recording, which is where their sound begins or a little before it.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asrtrain.app.trained import load_system
from asrtrain.app.transcribe import transcribe_audios
from asrtrain.assembly import System
from asrtrain.data.audio import read_audio
from asrtrain.data.corpora.fsdd import FSDDConfig
from asrtrain.evaluation.alignment import align
from asrtrain.types import Audio

CORPORA = Path(os.environ.get("ASRTRAIN_CORPORA", Path(__file__).resolve().parents[2] / "shared" / "corpora"))
RATE, GAP = 8000, 0.2


@dataclass(frozen=True)
class String:
    """Words said one after the other, and where each begins, in seconds."""

    audio: Audio
    words: list[str]
    starts: list[float]


def strings(count: int) -> list[String]:
    """Three to seven recordings of one speaker each."""
    words = FSDDConfig(folder=CORPORA / "fsdd", split="test").load(Path())
    random, found = np.random.default_rng(0), []
    speakers = sorted({word.speaker for word in words})
    for _ in range(count):
        speaker = speakers[random.integers(len(speakers))]
        own = [word for word in words if word.speaker == speaker]
        chosen = [own[place] for place in random.integers(len(own), size=random.integers(3, 8))]
        pieces, starts, length = [], [], 0
        for word in chosen:
            gap = round(random.uniform(0, GAP) * RATE) if pieces else 0
            samples = read_audio(word.audio, RATE).samples
            starts.append((length + gap) / RATE)
            pieces += [(random.standard_normal(gap) * 1e-4).astype(np.float32), samples]
            length += gap + len(samples)
        found.append(String(Audio(np.concatenate(pieces), RATE), [word.text for word in chosen], starts))
    return found


def errors(system: System, said: list[String], size: int) -> list[float]:
    """How far right words begin from where they do, in seconds, transcribed so many strings at once."""
    found = []
    for first in range(0, len(said), size):
        some = said[first : first + size]
        transcripts = transcribe_audios(system, [(str(number), one.audio) for number, one in enumerate(some)])
        for one, transcript in zip(some, transcripts, strict=True):
            heard = transcript.hypothesis.words
            places = [0, 0]
            for step in align(one.words, [word.text for word in heard]):
                reference, hypothesis = step
                if reference is not None and reference == hypothesis:
                    found.append(abs(heard[places[1]].start - one.starts[places[0]]))
                places[0] += reference is not None
                places[1] += hypothesis is not None
    return found


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--strings", type=int, default=200)
    options = parser.parse_args()
    said = strings(options.strings)
    print("run                     batch   right words   median   95 %     (ms from where the recording begins)")
    for run in options.runs:
        system = load_system(run, "best", "cpu")
        for size in (1, 16):
            found = 1000 * np.array(errors(system, said, size))
            total = sum(len(one.words) for one in said)
            share, median, high = 100 * len(found) / total, np.median(found), np.quantile(found, 0.95)
            print(f"{run.name:22}  {size:5}   {share:8.1f} %   {median:6.0f}   {high:6.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the front end cuts off is in the times again: of transcripts, of scored hypotheses, of alignments."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.hmm.conftest import STRINGS, trained_run

from asrtrain.app import align, evaluate, transcribe

RATE = 8000
SILENCE = 1.0
"""Seconds: a whole number of the blocks in which silence is measured, so that the same speech is left."""


@pytest.fixture(scope="module")
def trimmed_run(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, hmm_cache: Path) -> Path:
    text = STRINGS.replace("normalise: global", "normalise: global, trim: {{threshold: 30, margin: 0.0}}")
    return trained_run(tmp_path_factory.mktemp("trimmed"), fsdd, hmm_cache, text)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory, fsdd: Path) -> Path:
    """One string alone, after a second of silence, and as a part of a recording that begins two seconds later."""
    folder = tmp_path_factory.mktemp("padded")
    words = [soundfile.read(fsdd / f"{digit}_theo_1.wav")[0] for digit in (7, 2)]
    speech, pause = np.concatenate(words), np.zeros(round(SILENCE * RATE))
    speech = speech[: len(speech) // 80 * 80]
    soundfile.write(folder / "alone.wav", speech, RATE)
    soundfile.write(folder / "padded.wav", np.concatenate([pause, speech, pause]), RATE)
    soundfile.write(folder / "long.wav", np.concatenate([pause, pause, pause, speech]), RATE)
    rows = [
        {"id": "alone", "audio": "alone.wav", "text": "seven two"},
        {"id": "padded", "audio": "padded.wav", "text": "seven two"},
        {"id": "part", "audio": "long.wav", "text": "seven two", "offset": 2.0, "duration": 1.0 + len(speech) / RATE},
    ]
    path = folder / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_transcripts_and_scored_hypotheses(trimmed_run: Path, manifest: Path) -> None:
    files = [manifest.with_name(name) for name in ("alone.wav", "padded.wav")]
    alone, padded = (one.hypothesis.words for one in transcribe(files, run=trimmed_run, device="cpu"))
    assert len(alone) == len(padded) > 0
    assert [word.start - SILENCE for word in padded] == pytest.approx([word.start for word in alone], abs=0.011)
    report = evaluate(trimmed_run, data=manifest, device="cpu")
    found = {one.id: [(word.start, word.end) for word in one.hypothesis.words] for one in report.outcomes}
    for name, later in (("padded", SILENCE), ("part", 3 * SILENCE)):
        moved = [tuple(time + later for time in word) for word in found["alone"]]
        assert np.array(found[name]) == pytest.approx(np.array(moved), abs=0.011)


def test_alignments(trimmed_run: Path, manifest: Path, tmp_path: Path) -> None:
    plot = tmp_path / "part.png"
    (path,) = align(
        trimmed_run, data=manifest, output=tmp_path, text_format="jsonl", plot=plot, only=["part"], device="cpu"
    )
    assert plot.stat().st_size > 5000
    (path,) = align(trimmed_run, data=manifest, output=tmp_path, text_format="jsonl", device="cpu")
    rows = {row["id"]: row for row in map(json.loads, path.read_text().splitlines())}
    for name, later in (("padded", SILENCE), ("part", 3 * SILENCE)):
        for level in ("words", "units", "states"):
            starts = [one["start"] - later for one in rows[name][level]]
            assert starts == pytest.approx([one["start"] for one in rows["alone"][level]], abs=0.011)


def test_the_tiers_of_a_textgrid_begin_with_the_recording(trimmed_run: Path, manifest: Path, tmp_path: Path) -> None:
    align(trimmed_run, data=manifest, output=tmp_path, text_format="textgrid", device="cpu")
    lines = [line.strip() for line in (tmp_path / "padded.TextGrid").read_text().splitlines()]
    place = lines.index("intervals [1]:")
    assert lines[place + 1] == "xmin = 0.0000"
    first_end = float(lines[place + 2].removeprefix("xmax = "))
    assert SILENCE - 0.05 < first_end < SILENCE + 0.2
    assert lines[place + 3] == 'text = ""'

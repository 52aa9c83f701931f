"""Recordings of telephones and films are decoded by ffmpeg where it is, and named with the way out where it is not."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asrtrain.data import ffmpeg
from asrtrain.data.audio import audio_info, decode_audio, read_audio
from asrtrain.data.manifest import scan_manifest
from asrtrain.errors import DataError

RATE = 16_000
needs_ffmpeg = pytest.mark.skipif(not ffmpeg.is_installed(), reason="ffmpeg is not installed")
M4A = b"\0\0\0\x1cftypM4A " + bytes(200)

FAKE = f"""#!{sys.executable}
import json, os, sys
import numpy, soundfile
open(os.environ["FAKE_LOG"], "w").write(json.dumps(sys.argv[1:]))
if os.environ["FAKE_SAYS"]:
    sys.stderr.write("[mov @ 0x55d0] " + os.environ["FAKE_SAYS"] + "\\n")
soundfile.write("/dev/stdout", numpy.full((800, 2), 0.25), 8000, format="AU", subtype="FLOAT")
sys.exit(int(os.environ["FAKE_EXIT"]))
"""


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    soundfile.write(path, np.stack([samples, samples], 1), RATE)
    return path


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, which notes how it is called; where the note is."""
    program, log = tmp_path / "bin" / "ffmpeg", tmp_path / "called.json"
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    for name, value in {"FAKE_LOG": str(log), "FAKE_SAYS": "", "FAKE_EXIT": "0"}.items():
        monkeypatch.setenv(name, value)
    return log


@needs_ffmpeg
@pytest.mark.parametrize(
    "arguments",
    [("x.m4a", "-c:a", "aac"), ("x.mp4", "-c:a", "aac", "-movflags", "+faststart"), ("x.webm", "-c:a", "libopus"),
     ("x.aac", "-c:a", "aac"), ("x.wma", "-c:a", "wmav2")],
)  # fmt: skip
def test_what_telephones_record_is_read(tone: Path, arguments: tuple[str, ...]) -> None:
    name, *options = arguments
    path = tone.with_name(name)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(tone), *options, str(path)]
    subprocess.run(command, check=True)
    heard, original = read_audio(path, RATE), read_audio(tone, RATE)
    assert heard.duration == pytest.approx(2.0, abs=0.15)  # encoders fill up their frames
    middle = slice(RATE // 2, RATE)
    strength = [np.sqrt(np.mean(audio.samples[middle] ** 2)) for audio in (heard, original)]
    assert strength[0] == pytest.approx(strength[1], rel=0.05)
    assert audio_info(path).channels == 2
    np.testing.assert_array_equal(decode_audio(io.BytesIO(path.read_bytes()), "-", RATE).samples, heard.samples)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="cut short"):
        read_audio(path, RATE)


def test_it_is_called_with_the_container_that_the_content_tells_and_opens_nothing_else(
    tmp_path: Path, fake: Path
) -> None:
    path = tmp_path / "-i http:x;rm.wav"  # the name says nothing
    path.write_bytes(M4A)
    audio = read_audio(path, 8000)
    np.testing.assert_allclose(audio.samples, 0.25)
    assert fake.read_text() == str([
        *("-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe", "-f", "mov", "-i", f"file:{path}"),
        *("-map", "0:a:0", "-map_metadata", "-1", "-c:a", "pcm_f32le", "-fs", str(2 << 30), "-f", "wav", "pipe:1"),
    ]).replace("'", '"')  # fmt: skip


@pytest.mark.parametrize(
    ("says", "status", "reason"),
    [("stream 0, offset 0x10: partial file", 0, "damaged or cut short, as ffmpeg says: stream 0"),
     ("Unknown codec", 1, "ffmpeg cannot decode it: Unknown codec")],
)  # fmt: skip
def test_what_it_complains_of_is_one_sentence(
    tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch, says: str, status: int, reason: str
) -> None:
    monkeypatch.setenv("FAKE_SAYS", says)
    monkeypatch.setenv("FAKE_EXIT", str(status))
    (tmp_path / "a.m4a").write_bytes(M4A)
    with pytest.raises(DataError, match=reason) as complaint:
        read_audio(tmp_path / "a.m4a", 8000)
    assert "\n" not in str(complaint.value)
    assert fake.exists()


def test_without_it_every_file_is_named_with_the_command_that_converts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    folder = tmp_path / "d"
    for name in ("yes/a.m4a", "no/b.webm", "no/c.wav"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(M4A)
    found, complaints = scan_manifest(folder)
    assert [utterance.audio.name for utterance in found] == ["c.wav"]
    assert [str(complaint).partition(": ffmpeg decodes it, which is not in PATH")[0] for complaint in complaints] == [
        f"{folder}/no/b.webm: 'no/b.webm'", f"{folder}/yes/a.m4a: 'yes/a.m4a'",
    ]  # fmt: skip
    assert "ffmpeg -i a.m4a a.wav" in str(complaints[1])
    with pytest.raises(DataError, match=r"c\.wav: is MP4 .*install it, or convert: ffmpeg -i c\.wav"):
        read_audio(folder / "no" / "c.wav", 8000)


def test_playlists_never_reach_it(tmp_path: Path, fake: Path) -> None:
    for content in (b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n", b"[playlist]\n"):
        (tmp_path / "list.m4a").write_bytes(content)
        with pytest.raises(DataError, match="not a WAV"):
            read_audio(tmp_path / "list.m4a", 8000)
    assert not fake.exists()


def test_nothing_is_left_behind(tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    decode_audio(io.BytesIO(M4A), "-", 8000)
    assert fake.exists()
    assert not list((tmp_path / "temporary").iterdir())

"""Recordings are decoded right, whatever form they have, or refused in one sentence that names the file."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from asrtrain.data import audio
from asrtrain.data.audio import audio_info, decode_audio, read_audio
from asrtrain.data.plain_wav import PlainWav
from asrtrain.errors import DataError


def tone(rate: int, seconds: float = 0.5, hertz: float = 440.0, level: float = 0.5) -> npt.NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def wav(
    data: bytes = tone(8000).tobytes(),
    *,
    claim: int | None = None,
    rate: int = 8000,
    channels: int = 1,
    bits: int = 32,
    kind: int = 3,
) -> bytes:
    """A WAV file whose header says whatever it is told to."""
    size = len(data) if claim is None else claim
    frame = channels * bits // 8 & 0xFFFF
    form = struct.pack("<IHHIIHH", 16, kind, channels, rate, rate * frame & 0xFFFF_FFFF, frame, bits)
    return (
        b"RIFF"
        + struct.pack("<I", min(36 + size, 0xFFFF_FFFF))
        + b"WAVEfmt "
        + form
        + b"data"
        + struct.pack("<I", size)
        + data
    )


def encoded(container: str, subtype: str | None = None, rate: int = 16000, seconds: float = 2.0) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(rate, seconds), rate, format=container, subtype=subtype)
    return buffer.getvalue()


def flac_claiming(rate: int, channels: int, frames: int) -> bytes:
    """A FLAC file whose STREAMINFO (RFC 9639, 8.2) claims what it does not hold."""
    content = bytearray(encoded("FLAC"))
    bits_per_sample = 16
    packed = rate << 44 | (channels - 1) << 41 | (bits_per_sample - 1) << 36 | frames
    content[18:26] = packed.to_bytes(8, "big")
    return bytes(content)


FORMATS = [("WAV", None), ("FLAC", None), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)]

# --- what is read


@pytest.mark.parametrize(
    ("container", "subtype", "tolerance"),
    [("WAV", "PCM_16", 1e-4), ("WAV", "FLOAT", 0.0), ("WAV", "ULAW", 0.02), ("FLAC", None, 1e-4), ("AIFF", None, 1e-4),
     ("NIST", "PCM_16", 1e-4), ("OGG", "VORBIS", 0.05), ("OGG", "OPUS", 0.05), ("MP3", None, 0.05)],
)  # fmt: skip
def test_a_tone_survives_every_format(tmp_path: Path, container: str, subtype: str | None, tolerance: float) -> None:
    path = tmp_path / "tone.bin"  # the name says nothing, the content all
    path.write_bytes(encoded(container, subtype))
    read = read_audio(path, 16000)
    assert read.samples.dtype == np.float32
    assert read.sample_rate == 16000
    assert read.duration == pytest.approx(2.0, abs=0.05)
    middle = slice(8000, 24000)
    assert np.abs(read.samples[middle] - tone(16000, 2.0)[middle]).max() <= tolerance
    assert audio_info(path).frames == len(read.samples)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 96000])
def test_every_rate_is_resampled(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "tone.wav", tone(rate, 1.0), rate, subtype="FLOAT")
    samples = read_audio(tmp_path / "tone.wav", 16000).samples
    assert abs(len(samples) - 16000) <= 1
    assert np.abs(samples[1000:15000] - tone(16000, 1.0)[1000:15000]).max() < 1e-3  # -60 dB


def test_resampling_removes_what_the_new_rate_cannot_hold(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "high.wav", tone(48000, 1.0, hertz=6000), 48000)
    assert np.abs(read_audio(tmp_path / "high.wav", 8000).samples[400:-400]).max() < 1e-3


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
def test_blocks_join_without_a_seam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, container: str, subtype: str | None
) -> None:
    (tmp_path / "tone").write_bytes(encoded(container, subtype))
    whole = read_audio(tmp_path / "tone", 11025).samples
    monkeypatch.setattr(audio, "BLOCK", 1000)
    np.testing.assert_allclose(read_audio(tmp_path / "tone", 11025).samples, whole, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_channels_are_averaged(tmp_path: Path, channels: int) -> None:
    parts = np.stack([tone(8000, level=(c + 1) / 10) for c in range(channels)], axis=1)
    soundfile.write(tmp_path / "many.wav", parts, 8000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "many.wav", 8000).samples, parts.mean(axis=1), atol=1e-7)
    assert audio_info(tmp_path / "many.wav").channels == channels


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
def test_a_part_is_the_part(tmp_path: Path, container: str, subtype: str | None) -> None:
    path = tmp_path / "chirp"
    chirp = np.sin(np.arange(32000) ** 2 * 5e-6).astype(np.float32) * 0.5
    with path.open("wb") as file:
        soundfile.write(file, chirp, 16000, format=container, subtype=subtype)
    whole, part = read_audio(path, 16000).samples, read_audio(path, 16000, offset=0.75, duration=0.5).samples
    assert len(part) == 8000
    np.testing.assert_allclose(part, whole[12000:20000], atol=0.02)
    assert len(read_audio(path, 16000, offset=1.5).samples) == len(whole) - 24000


def test_a_rounded_duration_is_forgiven(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "tone.wav", tone(8000, 0.5), 8000)
    assert len(read_audio(tmp_path / "tone.wav", 8000, duration=0.55).samples) == 4000


def test_real_speech_reads_as_the_library_reads_it(fsdd: Path) -> None:
    for path in sorted(fsdd.glob("*.wav"))[::300]:
        expected, rate = soundfile.read(path, dtype="float32")
        np.testing.assert_array_equal(read_audio(path, rate).samples, expected)


def test_real_opus_speech(corpora: Path) -> None:
    path = corpora / "speechocean762-train" / "audio" / "000010011.opus"
    if not path.is_file():
        pytest.skip(f"no {path}")
    info = audio_info(path)
    assert (info.sample_rate, info.channels) == (16000, 1)
    speech = read_audio(path, 8000)
    assert speech.duration == pytest.approx(info.duration, abs=1e-3)
    assert 0.01 < np.abs(speech.samples).max() <= 1.0


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
def test_a_stream_reads_as_the_file(tmp_path: Path, container: str, subtype: str | None) -> None:
    path = tmp_path / "tone"
    path.write_bytes(encoded(container, subtype))
    with path.open("rb") as stream:
        np.testing.assert_array_equal(decode_audio(stream, "-", 8000).samples, read_audio(path, 8000).samples)


@pytest.mark.parametrize("claim", [0xFFFF_FFFF, 0xFFFF_FFF0, 0x7FFF_FFFF])
def test_a_wav_written_to_a_pipe_claims_everything(claim: int) -> None:
    assert decode_audio(io.BytesIO(wav(claim=claim)), "-", 8000).duration == 0.5


def test_a_little_overshoot_is_clipped() -> None:
    assert decode_audio(io.BytesIO(wav(tone(8000, level=1.2).tobytes())), "-", 8000).samples.max() == 1.0


def test_what_lies_around_the_sound_is_passed_over() -> None:
    """A megabyte of MP3 tag before the sound; bytes behind that of a FLAC file."""
    length = bytes([0, 64, 0, 0])  # 2^20 in digits of seven bits
    tagged = b"ID3\x04\0\0" + length + bytes(1 << 20) + encoded("MP3")
    for content in (tagged, encoded("FLAC") + bytes(1 << 20)):
        assert decode_audio(io.BytesIO(content), "-", 16000).duration == pytest.approx(2.0, abs=0.05)


# --- what is refused

BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "text": (lambda: b"Hello, I am no sound. " * 300, "not a WAV"),
    "playlist": (lambda: b"#EXTM3U\nhttp://localhost/secret\n" * 300, "not a WAV"),
    "zip": (lambda: b"PK\x03\x04" + bytes(500), "not a WAV"),
    "riff, but no wave": (lambda: b"RIFF" + bytes(4) + b"AVI LIST" + bytes(500), "cannot be decoded"),
    "wav header alone": (lambda: wav(b""), "holds no samples"),
    "wav cut in the middle": (lambda: wav()[:8000], "cut short"),
    "wav cut in its header": (lambda: wav()[:30], "cannot be decoded"),
    "wav claiming a gigabyte": (lambda: wav(claim=1 << 30), "cut short"),
    "wav of 0 Hz": (lambda: wav(rate=0), "cannot be decoded"),
    "wav of 4 GHz": (lambda: wav(rate=4_000_000_000), "cannot be decoded"),
    "wav of 1 MHz": (lambda: wav(rate=1_000_000), "sample rate of 1000000"),
    "wav of 10 Hz": (lambda: wav(rate=10), "sample rate of 10"),
    "wav of 0 channels": (lambda: wav(channels=0), "cannot be decoded"),
    "wav of 500 channels": (lambda: wav(channels=500), "claims 500 channels"),
    "wav of 60000 channels": (lambda: wav(channels=60000), "cannot be decoded"),
    "wav of 0 bits": (lambda: wav(bits=0, kind=1), "cannot be decoded"),
    "wav with a hole": (lambda: wav(np.array([0, np.nan, 0.5] * 99, np.float32).tobytes()), "not a number"),
    "wav with an infinity": (lambda: wav(np.array([0, np.inf, 0.5] * 99, np.float32).tobytes()), "infinite"),
    "wav of unscaled floats": (lambda: wav((tone(8000) * 32768).tobytes()), "scale them"),
    "flac cut in the middle": (lambda: encoded("FLAC")[:3000], "FLAC|flac|cut short"),
    "flac of 655350 Hz": (lambda: flac_claiming(655_350, 8, 32_000), "655350 Hz|cannot be decoded"),
    "flac of eight days": (lambda: flac_claiming(96_000, 1, (1 << 36) - 1), "hours"),
    "flac of four minutes": (lambda: flac_claiming(16_000, 1, 3_840_000), "cut short|cannot be decoded"),
    "opus cut in the middle": (lambda: encoded("OGG", "OPUS")[:-2000], "cut short"),
    "vorbis cut in the middle": (lambda: encoded("OGG", "VORBIS")[:-2000], "cut short"),
    "ogg page alone": (lambda: b"OggS" + bytes(10), "cut short"),
    "ogg of nothing": (lambda: b"OggS" + bytes(60), "damaged: no page follows"),
    "mp3 cut in the middle": (lambda: encoded("MP3")[:1500], "cut short"),
    "mp3 tag alone": (lambda: b"ID3" + bytes(500), "cannot be decoded"),
    "noise with an mp3 beginning": (lambda: b"\xff\xfb" + bytes(range(256)) * 4, "no MPEG frames|no samples"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    content, reason = BROKEN[case]
    path = tmp_path / "broken.wav"
    path.write_bytes(content())
    with pytest.raises(DataError, match=reason) as complaint:
        read_audio(path, 16000)
    assert str(complaint.value).startswith(f"{path}: ")
    assert "\n" not in str(complaint.value)
    with pytest.raises(DataError, match=f"^standard input: .*({reason})"):
        decode_audio(io.BytesIO(content()), "standard input", 16000)


@pytest.mark.parametrize(
    ("offset", "duration"), [(3.0, None), (0.0, 2.7), (1.5, 1.0), (-0.1, 1.0), (0.5, 0.0), (1.0, -1.0)]
)
def test_a_part_that_is_not_there_is_refused(tmp_path: Path, offset: float, duration: float | None) -> None:
    soundfile.write(tmp_path / "tone.wav", tone(8000, 2.0), 8000)
    with pytest.raises(DataError, match=r"tone\.wav: .* is asked for, of a recording of 2 s"):
        read_audio(tmp_path / "tone.wav", 8000, offset=offset, duration=duration)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.wav: no such file"):
        read_audio(tmp_path / "none.wav", 8000)
    with pytest.raises(DataError, match="not a regular file"):
        read_audio(tmp_path, 8000)
    with pytest.raises(DataError, match="not a regular file"):
        audio_info(Path("/dev/zero"))
    with pytest.raises(DataError, match="cannot be read"):
        read_audio(tmp_path / ("x" * 300), 8000)


def test_the_decoded_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "tone.flac", np.zeros(80_000, np.float32), 8000)
    monkeypatch.setattr(audio, "MAX_BYTES", 100_000)
    with pytest.raises(DataError, match="hours"):
        read_audio(tmp_path / "tone.flac", 8000)
    assert len(read_audio(tmp_path / "tone.flac", 8000, offset=2, duration=3).samples) == 24_000
    with pytest.raises(DataError, match="standard input: longer than"):
        decode_audio(io.BytesIO(bytes(100_001)), "standard input", 8000)


def test_any_bytes_give_samples_or_a_data_error(tmp_path: Path) -> None:
    """Flip and cut bytes of real files of every format: nothing else ever comes out."""
    draw = np.random.default_rng(0)
    originals = [
        encoded("WAV", seconds=0.3),
        encoded("FLAC", seconds=0.3),
        encoded("OGG", "OPUS", seconds=0.3),
        encoded("MP3", seconds=0.3),
    ]
    refused = 0
    for trial in range(120):
        content = bytearray(originals[trial % 4])
        for position in draw.integers(0, min(len(content), 200 if trial % 3 else len(content)), 3):
            content[position] = draw.integers(0, 256)
        try:
            samples = decode_audio(io.BytesIO(bytes(content)), "fuzzed", 16000).samples
            assert np.isfinite(samples).all()
        except DataError:
            refused += 1
    assert 10 < refused < 120


def integers(count: int = 20_000) -> npt.NDArray[np.int16]:
    """Every kind of 16-bit sample, both ends included."""
    drawn = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, count)
    drawn[:2] = -(1 << 15), (1 << 15) - 1
    return drawn.astype("<i2")


@pytest.mark.parametrize(("offset", "duration"), [(0.0, None), (0.5, None), (0.25, 1.0)])
def test_plain_recordings_are_read_to_the_bit_as_by_the_general_decoder(
    tmp_path: Path, offset: float, duration: float | None
) -> None:
    path = tmp_path / "plain.wav"
    path.write_bytes(wav(integers().tobytes(), bits=16, kind=1))
    with path.open("rb") as file:
        assert PlainWav.of(file) is not None
    first = round(offset * 8000)
    last = None if duration is None else first + round(duration * 8000)
    expected, _ = soundfile.read(path, dtype="float32", start=first, stop=last)
    np.testing.assert_array_equal(read_audio(path, 8000, offset=offset, duration=duration).samples, expected)
    if duration is None and not offset:
        np.testing.assert_array_equal(decode_audio(io.BytesIO(path.read_bytes()), "it", 8000).samples, expected)


@pytest.mark.parametrize(
    "content",
    [
        wav(integers().tobytes(), bits=16, kind=1, channels=2),
        wav(integers().tobytes(), bits=8, kind=1),
        wav(integers().tobytes(), bits=32, kind=1),
        wav(),
        wav(integers().tobytes(), bits=16, kind=1, claim=40_002),
        wav(integers().tobytes(), bits=16, kind=1, claim=39_998),
        wav(integers().tobytes(), bits=16, kind=1, claim=0xFFFF_FFFF),
        wav(integers().tobytes(), bits=16, kind=1) + b"LIST\x04\x00\x00\x00INFO",
        encoded("FLAC"),
        b"RIFF\x10\x00\x00\x00WAVEfmt ",
    ],
    ids=[
        *("two channels", "8 bits", "32 bits", "floats", "a sample short", "a sample over", "streamed"),
        *("words behind", "flac", "no header"),
    ],
)
def test_any_other_recording_is_left_to_the_general_decoder(content: bytes) -> None:
    stream = io.BytesIO(content)
    assert PlainWav.of(stream) is None
    assert stream.tell() == 0


def test_a_spoilt_header_comes_to_what_the_general_decoder_makes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, whole, refused = np.random.default_rng(0), wav(integers(400).tobytes(), bits=16, kind=1), 0
    for _ in range(600):
        spoilt = bytearray(whole)
        for place in generator.integers(0, 44, generator.integers(1, 3)):
            spoilt[place] = int(generator.choice(np.array([0, 1, 2, 17, 255, int(generator.integers(256))])))
        ours = outcome(bytes(spoilt))
        with monkeypatch.context() as patch:
            patch.setattr(PlainWav, "of", lambda stream: None)
            assert outcome(bytes(spoilt)) == ours
        refused += ours.startswith(b"it: ")
    assert 100 < refused < 500


def outcome(content: bytes) -> bytes:
    """The samples, or what is said of the file."""
    try:
        return decode_audio(io.BytesIO(content), "it", 8000).samples.tobytes()
    except DataError as error:
        return str(error).encode()

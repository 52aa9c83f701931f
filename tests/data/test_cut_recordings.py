"""A recording is read as long as its container promises, or refused: never a part of it taken for the whole."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from asrtrain.data.audio import audio_info, decode_audio, read_audio
from asrtrain.errors import DataError

RATE = 8000
SECONDS = 1.0

WRITTEN = [
    *(("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "ALAW")),
    *(("WAV", subtype) for subtype in ("IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "NMS_ADPCM_16", "NMS_ADPCM_32")),
    *(("WAVEX", "PCM_16"), ("RF64", "PCM_16"), ("RF64", "FLOAT")),
    *(("AIFF", subtype) for subtype in ("PCM_16", "FLOAT", "ULAW", "IMA_ADPCM", "GSM610", "DWVW_16")),
    *(("AU", subtype) for subtype in ("PCM_16", "FLOAT", "ULAW", "G721_32", "G723_24")),
    *(("W64", "PCM_16"), ("W64", "GSM610"), ("CAF", "PCM_16"), ("CAF", "ULAW"), ("CAF", "ALAC_16")),
    *(("NIST", subtype) for subtype in ("PCM_16", "ULAW")),
    *(("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")),
]

STRUNG = [
    *((container, "PCM_16") for container in ("WAV", "RF64", "AIFF", "AU", "CAF", "FLAC")),
    ("MP3", "MPEG_LAYER_III"),
]


def speech_like(seconds: float = SECONDS) -> npt.NDArray[np.float64]:
    """A tone in noise, which no encoder can make nothing of."""
    time = np.arange(round(RATE * seconds)) / RATE
    noise = np.random.default_rng(0).standard_normal(len(time))
    return 0.3 * np.sin(2 * np.pi * 440 * time) + 0.02 * noise


def written(container: str, subtype: str, endian: str = "FILE") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, speech_like(), RATE, format=container, subtype=subtype, endian=endian)
    return buffer.getvalue()


def seconds_of(content: bytes) -> float:
    return decode_audio(io.BytesIO(content), "it", RATE).duration


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    claimed = len(content) if size is None else size
    return name + struct.pack("<I", claimed) + content + bytes(len(content) % 2)


def riff(*chunks: bytes, kind: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return kind + struct.pack("<I", 0xFFFF_FFFF if kind == b"RF64" else len(body)) + body


SAMPLES = (speech_like() * 32767).astype("<i2").tobytes()
FORMAT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))


def ds64(size: int) -> bytes:
    return chunk(b"ds64", struct.pack("<QQQI", 72 + len(SAMPLES), size, len(SAMPLES) // 2, 0))


@pytest.mark.parametrize(("container", "subtype"), WRITTEN)
def test_the_whole_is_read_and_its_beginning_is_refused(tmp_path: Path, container: str, subtype: str) -> None:
    whole = written(container, subtype)
    assert seconds_of(whole) == pytest.approx(SECONDS, abs=0.08)  # encoders fill up their last block
    path = tmp_path / "recording"
    path.write_bytes(whole)
    assert read_audio(path, RATE, offset=0.25, duration=0.5).duration == 0.5
    assert audio_info(path).duration == pytest.approx(SECONDS, abs=0.08)
    for missing in (2, 10, len(whole) // 200, len(whole) // 50, len(whole) // 2, 3 * len(whole) // 4):
        path.write_bytes(whole[: -max(2, missing)])
        with pytest.raises(DataError, match=r"cut short|cannot be decoded|holds no samples"):
            read_audio(path, RATE)
        with pytest.raises(DataError):
            seconds_of(path.read_bytes())


@pytest.mark.parametrize("before", [b"bext", b"JUNK", b"LIST", b"iXML"])
@pytest.mark.parametrize("size", [7, 6000, 200_000])
def test_what_lies_before_the_sound_hides_no_cut(before: bytes, size: int) -> None:
    whole = riff(FORMAT, chunk(before, bytes(size)), chunk(b"data", SAMPLES))
    assert seconds_of(whole) == SECONDS
    for missing in (2, 100, len(SAMPLES) // 2):
        with pytest.raises(DataError, match=r"cut short: its header promises 16000 bytes of audio"):
            seconds_of(whole[:-missing])


def test_rf64_and_rifx_are_measured_by_their_own_sizes() -> None:
    whole = riff(ds64(len(SAMPLES)), FORMAT, chunk(b"data", SAMPLES, 0xFFFF_FFFF), kind=b"RF64")
    big = written("WAV", "PCM_16", endian="BIG")
    assert big.startswith(b"RIFX")
    for content in (whole, big):
        assert seconds_of(content) == SECONDS
        with pytest.raises(DataError, match="cut short"):
            seconds_of(content[:-10])


@pytest.mark.parametrize("claim", [0, 0x7FFF_F000, 0x8000_0000, 0xFFFF_FFFF])
def test_wav_of_unknown_length_is_read_to_its_end(claim: int) -> None:
    listed = chunk(b"LIST", b"INFOISFT\x02\0\0\0x\0")
    assert seconds_of(riff(FORMAT, listed, chunk(b"data", SAMPLES, claim))) == SECONDS


@pytest.mark.parametrize("claim", [0, (1 << 64) - 1])
def test_rf64_of_unknown_length_is_read_to_its_end(claim: int) -> None:
    assert seconds_of(riff(ds64(claim), FORMAT, chunk(b"data", SAMPLES, 0xFFFF_FFFF), kind=b"RF64")) == SECONDS


@pytest.mark.parametrize("claim", [0, 0xFFFF_FFFF])
def test_au_of_unknown_length_is_read_to_its_end(claim: int) -> None:
    content = bytearray(written("AU", "PCM_16"))
    content[8:12] = struct.pack(">I", claim)
    assert seconds_of(bytes(content)) == SECONDS


def test_aiff_of_unknown_length_is_read_to_its_end() -> None:
    """FFmpeg claims a single sample in a sound chunk of no bytes when it writes to a pipe."""
    content = bytearray(written("AIFF", "PCM_16"))
    frames, sound = content.find(b"COMM") + 10, content.find(b"SSND") + 4
    content[frames : frames + 4], content[sound : sound + 4] = struct.pack(">I", 1), bytes(4)
    assert seconds_of(bytes(content)) == SECONDS


def unknown_length(flac: bytes) -> bytes:
    """As encoders write it into a pipe: STREAMINFO claims 0 samples (RFC 9639, 8.2)."""
    content = bytearray(flac)
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    return bytes(content)


def test_flac_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "piped.flac"
    path.write_bytes(unknown_length(written("FLAC", "PCM_16")))
    whole = read_audio(path, RATE).samples
    assert len(whole) == RATE * SECONDS
    assert audio_info(path).duration == SECONDS
    np.testing.assert_array_equal(read_audio(path, RATE, offset=0.5, duration=0.25).samples, whole[4000:6000])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"cannot be decoded: .*(lost sync|cut short)"):
        read_audio(path, RATE)


@pytest.mark.parametrize(("container", "begin", "name"), [("W64", 40, b"junk" + bytes(12)), ("CAF", 8, b"free")])
def test_a_chunk_that_ends_beyond_what_can_be_counted_is_no_error_of_ours(
    container: str, begin: int, name: bytes
) -> None:
    whole = written(container, "PCM_16")
    with suppress(DataError):  # if the decoder finds no sound behind it
        assert seconds_of(whole[:begin] + name + b"\xff" * 8 + whole[begin:]) == SECONDS


@pytest.mark.parametrize("behind", [b"\0", b"LIST\x04\0\0\0INFO", bytes(600), b"TAG" + bytes(125)])
def test_what_lies_behind_the_sound_is_passed_over(behind: bytes) -> None:
    eight_bits = riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, RATE, 1, 8)), chunk(b"data", bytes(7999)))
    assert seconds_of(riff(FORMAT, chunk(b"data", SAMPLES)) + behind) == SECONDS
    assert seconds_of(eight_bits + behind) == 7999 / RATE
    assert seconds_of(eight_bits[:-1]) == 7999 / RATE  # without the byte that fills it up
    for container, subtype in (("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("FLAC", "PCM_16"), ("AU", "PCM_16")):
        assert seconds_of(written(container, subtype) + behind) == pytest.approx(SECONDS, abs=0.001)


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_all_links_of_a_chain_are_read(tmp_path: Path, subtype: str) -> None:
    one = written("OGG", subtype)
    path = tmp_path / "chain.ogg"
    path.write_bytes(one * 3)
    chain, single = read_audio(path, RATE).samples, decode_audio(io.BytesIO(one), "it", RATE).samples
    np.testing.assert_array_equal(chain, np.concatenate([single] * 3))
    part = read_audio(path, RATE, offset=1.5, duration=1.0).samples
    np.testing.assert_array_equal(part, chain[12_000:20_000])
    path.write_bytes(one * 3 + one[:-1])
    with pytest.raises(DataError, match="cut short"):
        read_audio(path, RATE)


def test_links_that_do_not_fit_are_refused() -> None:
    other = io.BytesIO()
    soundfile.write(other, speech_like(), 16_000, format="OGG", subtype="OPUS")
    with pytest.raises(DataError, match="2 recordings of different rates or channels"):
        seconds_of(written("OGG", "OPUS") + other.getvalue())


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_ogg_cut_between_two_pages_is_refused(subtype: str) -> None:
    """No page is incomplete then, but none says that it is the last."""
    whole = written("OGG", subtype)
    with pytest.raises(DataError, match="not marked as the end"):
        seconds_of(whole[: whole.rfind(b"OggS")])


def test_mp3_cut_between_two_frames_is_refused() -> None:
    whole = written("MP3", "MPEG_LAYER_III")
    last = whole.rfind(whole[:2])  # a frame begins with them
    with pytest.raises(DataError, match=r"cut short: its header promises \d+ frames, and \d+ are there"):
        seconds_of(whole[:last])


@pytest.mark.parametrize(("container", "subtype"), STRUNG)
def test_recordings_strung_together_are_not_read_as_the_first(container: str, subtype: str) -> None:
    with pytest.raises(DataError, match=r"another recording|a file of each"):
        seconds_of(written(container, subtype) * 2)


def test_sound_behind_what_the_header_knows_of_is_no_tag() -> None:
    unfinished = riff(FORMAT, chunk(b"data", SAMPLES, len(SAMPLES) // 2))
    with pytest.raises(DataError, match=r"promises 8000 bytes of audio, and 8000 more follow"):
        seconds_of(unfinished)


@pytest.mark.parametrize("claim", [0, 0xFFFF_FFFF])
def test_wav_whose_outer_size_alone_is_known_is_measured_by_it(claim: int) -> None:
    whole = riff(FORMAT, chunk(b"data", SAMPLES, claim))
    assert seconds_of(whole) == SECONDS
    with pytest.raises(DataError, match="cut short: its header promises 16000 bytes of audio, and 11000 are there"):
        seconds_of(whole[:-5000])

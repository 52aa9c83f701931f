"""Small files are read through one door: regular ones only, of a size that their kind can have."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from asrtrain.errors import CheckpointError, DataError
from asrtrain.files.reading import lines_of, read_file, read_stream, read_text


def test_a_text_is_read_without_its_mark(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfgr\xc3\xbc\xc3\x9fe")
    assert read_text(tmp_path / "a", 100, DataError) == "grüße"


def odd_files(folder: Path) -> dict[str, Path]:
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    with (folder / "sparse").open("wb") as file:
        file.truncate(20 << 30)
    found = {name: folder / name for name in ("fifo", "folder", "sparse", "missing")}
    return found | {"device": Path("/dev/zero"), "nul": folder / "a\0b", "long": folder / ("x" * 300)}


SENTENCES = {
    "fifo": "no regular file",
    "device": "no regular file",
    "folder": "is a folder",
    "sparse": "too many",
    "missing": "no such file",
    "nul": "no file can have this name",
    "long": "name too long",
}


@pytest.mark.parametrize("kind", SENTENCES)
def test_what_is_no_small_file_is_refused_in_a_sentence(kind, tmp_path):
    path = odd_files(tmp_path)[kind]
    with pytest.raises(CheckpointError) as caught:
        read_file(path, 1 << 20, CheckpointError)
    assert str(path) in str(caught.value)
    assert SENTENCES[kind].lower() in str(caught.value).lower()


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        with pytest.raises(DataError, match="s: "):
            read_file(Path("s"), 100, DataError)


def test_the_line_that_is_no_text_is_named(tmp_path):
    (tmp_path / "a").write_bytes(b"one\ntw\xe9\n")
    with pytest.raises(DataError, match=r"a:2: not UTF-8"):
        read_text(tmp_path / "a", 100, DataError)


@pytest.mark.parametrize("kind", SENTENCES)
def test_lines_are_read_from_regular_files_alone(kind, tmp_path):
    with pytest.raises(DataError):
        list(lines_of(odd_files(tmp_path)[kind], 1 << 20, DataError))


def test_lines_come_with_their_ends(tmp_path):
    (tmp_path / "a").write_bytes(b"one\n\ntwo")
    assert list(lines_of(tmp_path / "a", 4, DataError)) == [b"one\n", b"\n", b"two"]
    with pytest.raises(DataError, match=r"a:1: more than 3 bytes in a line"):
        list(lines_of(tmp_path / "a", 3, DataError))


def test_a_pipe_is_read_where_a_stream_will_do(tmp_path):
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(b"seed: 3\n")
    assert read_stream(Path(f"/dev/fd/{reading}"), 100, DataError) == b"seed: 3\n"
    os.close(reading)


def test_a_fifo_without_a_writer_is_an_empty_stream_and_an_endless_one_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert read_stream(tmp_path / "fifo", 100, DataError) == b""
    with pytest.raises(DataError, match="more than 100 bytes"):
        read_stream(Path("/dev/zero"), 100, DataError)

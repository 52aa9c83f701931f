"""Small files are read through one door: regular ones only, of a size that their kind can have."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from asrtrain.errors import CheckpointError, DataError
from asrtrain.files.reading import check_regular, read_file, read_text


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
        with pytest.raises(DataError, match="no regular file"):
            check_regular(Path("s"), DataError)


def test_the_line_that_is_no_text_is_named(tmp_path):
    (tmp_path / "a").write_bytes(b"one\ntw\xe9\n")
    with pytest.raises(DataError, match=r"a:2: not UTF-8"):
        read_text(tmp_path / "a", 100, DataError)

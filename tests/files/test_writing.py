"""Files are whole or absent, nothing is written through a link, and what a kill left is cleared away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from asrtrain.files.writing import (
    appearing_whole,
    clear_leavings,
    cut_file,
    folder_beside,
    make_folder,
    new_file,
    open_to_append,
    point,
    write_file,
)


def test_a_file_appears_whole_and_alone(tmp_path):
    write_file(tmp_path / "a.txt", "grüße\n")
    with appearing_whole(tmp_path / "b") as file:
        file.write(b"1")
        assert not (tmp_path / "b").exists()
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "grüße\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b"]


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path):
    write_file(tmp_path / "a", "old")
    with pytest.raises(RuntimeError), appearing_whole(tmp_path / "a") as file:
        file.write(b"half")
        raise RuntimeError
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_name_of_the_longest_length_can_be_written(tmp_path):
    write_file(tmp_path / ("é" * 127), "x")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("there", [True, False])
def test_a_planted_link_is_replaced_and_not_followed(there, tmp_path):
    outside = tmp_path / "outside"
    if there:
        outside.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(outside)
    write_file(link, "new")
    assert not link.is_symlink()
    assert outside.exists() == there
    assert not there or outside.read_text() == "mine"


@pytest.mark.parametrize("open_it", [open_to_append, lambda path: cut_file(path, 0), make_folder])
def test_what_cannot_replace_a_link_refuses_it(open_it, tmp_path):
    outside, link = tmp_path / "outside", tmp_path / "link"
    outside.write_text("mine")
    link.symlink_to(outside)
    with pytest.raises(OSError, match="is a link, and nothing is written through links") as caught:
        open_it(link)
    assert caught.value.filename == str(link)
    assert outside.read_text() == "mine"


def test_a_link_to_a_folder_is_no_folder_of_ours(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "results").symlink_to("outside")
    with pytest.raises(OSError, match="is a link"):
        make_folder(tmp_path / "results")


def test_a_new_file_follows_no_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(FileExistsError), new_file(tmp_path / "link"):
        pass
    assert not (tmp_path / "outside").exists()


def test_a_name_that_is_pointed_elsewhere_is_never_missing(tmp_path):
    for target in ("one", "two"):
        point(tmp_path / "latest", Path(target))
        assert os.readlink(tmp_path / "latest") == target  # noqa: PTH115
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]


def test_errors_name_the_file_that_was_meant(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_file(tmp_path / "missing" / "a.txt", "x")
    assert caught.value.filename == str(tmp_path / "missing" / "a.txt")


WRITER = """
import sys, time
from pathlib import Path
from asrtrain.files.writing import appearing_whole, folder_beside
with appearing_whole(Path("c.bin")) as file, folder_beside(Path("shards")) as folder:
    file.write(b"half"); file.flush(); (folder / "x").touch(); print(flush=True); time.sleep(60)
"""


def test_leavings_are_cleared_once_their_process_is_dead(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WRITER], cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        clear_leavings(tmp_path)
        assert len(list(tmp_path.iterdir())) == 2
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    clear_leavings(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_temporary_folder_is_gone_at_the_end(tmp_path):
    with folder_beside(tmp_path / "x") as folder:
        (folder / "a").touch()
        clear_leavings(tmp_path)
        assert (folder / "a").exists()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", ".", "..", "/", "below/.."])
def test_a_folder_is_no_name_for_a_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IsADirectoryError):
        write_file(Path(name), b"x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("name", ["pipe", "link"])
def test_no_file_replaces_a_pipe_or_a_device(name, tmp_path):
    """Whoever may write everywhere would lose /dev/null to ``--output /dev/null``, and all others with them."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(OSError, match="a device or a pipe"):
        write_file(tmp_path / name, b"x")
    assert (tmp_path / name).is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]

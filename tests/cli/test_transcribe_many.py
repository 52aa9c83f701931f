"""Many recordings: told apart by name, none lost for another that is broken, nothing overwritten."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Run

FORMATS = ["txt", "json", "jsonl", "srt", "vtt", "tsv"]


@pytest.fixture
def ten(fsdd: Path, tmp_path: Path) -> Path:
    """A folder ``t`` of ten recordings, four of them in ``t/sub`` under the same names; one of the ten is broken."""
    (tmp_path / "t" / "sub").mkdir(parents=True)
    for number in range(10):
        place = tmp_path / "t" / ("sub" if number > 5 else "") / f"{number % 6}.wav"
        shutil.copyfile(fsdd / f"{number}_theo_0.wav", place)
    (tmp_path / "t" / "3.wav").write_bytes(b"RIFF of no kind")
    return tmp_path / "t"


WHOLE = sorted(["t/0.wav", "t/1.wav", "t/2.wav", "t/4.wav", "t/5.wav", *(f"t/sub/{n}.wav" for n in range(4))])


def names_in(printed: str, form: str) -> list[str]:
    """The recordings that the output tells of."""
    if form == "json":
        return [one["audio"] for one in json.loads(printed)]
    lines = printed.splitlines()
    if form == "jsonl":
        return [json.loads(line)["audio"] for line in lines]
    if form == "srt":
        assert lines[0::4] == [str(number) for number in range(1, 10)]
        return [line[1 : line.index("]")] for line in lines[2::4]]
    if form == "vtt":
        assert lines.count("WEBVTT") == 1
        return [line.removeprefix("NOTE ") for line in lines if line.startswith("NOTE ")]
    if form == "tsv":
        assert lines.pop(0) == "audio\tstart\tend\ttext"
    return [line.split("\t")[0] for line in lines]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.usefixtures("ten")
def test_one_broken_recording_costs_no_other_its_transcript(form: str, run: Run, folder: Path) -> None:
    model = ("--run", folder / "runs" / "latest", "--format", form)
    result = run("transcribe", "t", *model)
    assert result.code == 3
    assert "t/3.wav" in result.err
    assert sorted(names_in(result.out, form)) == WHOLE

    result = run("transcribe", "t", *model, "--output-dir", "out")
    assert result.code == 3
    files = sorted(f"out{name[1:-4]}.{form}" for name in WHOLE)
    assert sorted(result.out.split()) == files
    assert sorted(str(path) for path in Path("out").rglob("*") if path.is_file()) == files


@pytest.mark.usefixtures("ten")
def test_nothing_is_overwritten_unasked(run: Run, folder: Path) -> None:
    command = ("transcribe", "t/0.wav", "t/1.wav", "--run", folder / "runs" / "latest", "--output-dir", ".")
    Path("1.txt").write_text("typed by hand\n", encoding="utf-8")
    result = run(*command)
    assert result.code == 2
    assert result.err.startswith("1.txt: there already")
    assert "--overwrite" in result.err
    assert not Path("0.txt").exists()
    assert Path("1.txt").read_text(encoding="utf-8") == "typed by hand\n"
    assert run(*command, "--overwrite").code == 0
    assert Path("1.txt").read_text(encoding="utf-8") != "typed by hand\n"


@pytest.mark.usefixtures("ten")
def test_a_link_in_the_output_folder_is_replaced_and_not_followed(run: Run, folder: Path) -> None:
    Path("mine").write_text("mine", encoding="utf-8")
    Path("0.txt").symlink_to("mine")
    command = ("transcribe", "t/0.wav", "--run", folder / "runs" / "latest", "--output-dir", ".")
    assert run(*command).code == 2
    assert run(*command, "--overwrite").code == 0
    assert Path("mine").read_text(encoding="utf-8") == "mine"
    assert not Path("0.txt").is_symlink()


@pytest.mark.parametrize(
    ("inputs", "files"),
    [
        (["t/0.wav", "t/sub/0.wav"], ["out/0.txt", "out/sub/0.txt"]),
        (["t/sub", "u"], ["out/0.txt", "out/1.txt", "out/2.txt", "out/3.txt", "out/a.txt"]),
        (["t/sub/1.wav", "v/1.wav"], ["out/t/sub/1.txt", "out/v/1.txt"]),
        (["t/**/0.wav"], ["out/0.txt", "out/sub/0.txt"]),
        (["v"], ["out/1.flac.txt", "out/1.wav.txt"]),
        (["u/../u/a.wav", "u/a.wav"], ["out/a-2.txt", "out/a.txt"]),
    ],
)
@pytest.mark.usefixtures("ten")
def test_the_tree_of_the_inputs_is_kept(
    inputs: list[str], files: list[str], run: Run, folder: Path, fsdd: Path
) -> None:
    for place in ("u/a.wav", "v/1.wav"):
        Path(place).parent.mkdir(exist_ok=True)
        shutil.copyfile(fsdd / "1_theo_0.wav", place)
    if inputs == ["v"]:
        shutil.copyfile("v/1.wav", "v/1.flac")
    result = run("transcribe", *inputs, "--run", folder / "runs" / "latest", "--output-dir", "out")
    assert (result.code, sorted(result.out.split())) == (0, files)


@pytest.mark.parametrize("form", ["txt", "jsonl", "json"])
def test_a_name_that_is_not_utf8_costs_nothing(form: str, run: Run, folder: Path, fsdd: Path) -> None:
    Path("n").mkdir()
    for name in (b"n/a\xe9.wav", b"n/z.wav"):
        shutil.copyfile(fsdd / "1_theo_0.wav", os.fsdecode(name))
    model = ("--run", folder / "runs" / "latest", "--format", form)
    result = run("transcribe", "n", *model)
    assert result.code == 0
    result.out.encode()  # nothing that is no UTF-8
    assert sorted(names_in(result.out, form)) == ["n/a\\xe9.wav", "n/z.wav"]
    assert run("transcribe", "n", *model, "--output-dir", "out").code == 0
    assert sorted(map(os.fsencode, Path("out").iterdir())) == [b"out/a\xe9." + form.encode(), b"out/z." + form.encode()]


@pytest.mark.usefixtures("ten")
def test_parts_of_the_work_have_the_names_of_the_whole(run: Run, folder: Path) -> None:
    model = ("--run", folder / "runs" / "latest", "--output-dir", "out")
    found = [run("transcribe", "t/0.wav", "t/sub/0.wav", *model, "--shard", f"{part}/2").out.strip() for part in (1, 2)]
    assert found == ["out/0.txt", "out/sub/0.txt"]

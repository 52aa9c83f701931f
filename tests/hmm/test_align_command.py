"""Forced alignment written down: states, units and words in time, in every format."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread
from tests.hmm.conftest import WORDS, trained_run

from asrtrain.app import align
from asrtrain.app.trained import load_system
from asrtrain.assembly import cache_folder
from asrtrain.errors import DataError
from asrtrain.hmm.inventory import SILENCE, Inventory
from asrtrain.hmm.segments import Segment, segments


def test_a_word_said_twice_is_two_segments() -> None:
    inventory = Inventory({SILENCE: 1, "a": 2, "b": 1}, {"ab": ("a", "b"), "b": ("b",)})
    # The graph: silence 0, ab 1 2 3, silence 4, b 5, silence 6, b 7, silence 8.
    found = segments(inventory, ["ab", "b", "b"], [0, 1, 1, 2, 3, 5, 5, 7, 8])
    assert found.words == (
        Segment(SILENCE, 0, 0),
        Segment("ab", 1, 4),
        Segment("b", 5, 6),
        Segment("b", 7, 7),
        Segment(SILENCE, 8, 8),
    )
    assert [(one.label, one.first) for one in found.units][1:4] == [("a", 1), ("b", 4), ("b", 5)]
    assert [one.label for one in found.states][1:4] == ["a.0", "a.1", "b.0"]


def test_json_lines_follow_the_transcripts_without_gaps(string_run: Path, tmp_path: Path) -> None:
    (path,) = align(string_run, output=tmp_path, text_format="jsonl", device="cpu")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    utterances = load_system(string_run, "best", "cpu").config.data.load_split("test", cache_folder())
    assert [row["id"] for row in rows] == [utterance.id for utterance in utterances]
    for row, utterance in zip(rows, utterances, strict=True):
        assert [one["label"] for one in row["words"] if one["label"] != SILENCE] == utterance.text.split()
        for level in ("words", "units", "states"):
            assert row[level][0]["start"] == 0
            assert all(before["end"] == after["start"] for before, after in pairwise(row[level]))
        assert row["words"][-1]["end"] == row["states"][-1]["end"]


def test_ctm_has_five_columns_and_kaldis_order(word_run: Path) -> None:
    files = align(word_run, device="cpu")
    assert files == [word_run / "alignments" / "test" / f"{level}.ctm" for level in ("words", "units", "states")]
    lines = [line.split(" ") for line in files[0].read_text().splitlines()]
    assert all(len(line) == 5 and line[1] == "1" and float(line[3]) > 0 for line in lines)
    names = [line[0].encode() for line in lines]
    assert names == sorted(names)


def test_textgrids_have_a_tier_for_each_level(word_run: Path, fsdd: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "two.csv"
    manifest.write_text(f"path,text\n{fsdd}/7_theo_1.wav,seven\n{fsdd}/2_theo_1.wav,two\n", encoding="utf-8")
    files = align(word_run, data=manifest, output=tmp_path / "grids", text_format="textgrid", device="cpu")
    assert [path.suffix for path in files] == [".TextGrid", ".TextGrid"]
    text = files[0].read_text(encoding="utf-8")
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n')
    assert [f'name = "{level}"' in text for level in ("words", "units", "states")] == [True] * 3
    assert 'text = "seven"' in text


def test_words_that_the_run_does_not_know(word_run: Path, fsdd: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "odd.csv"
    manifest.write_text(f"path,text\n{fsdd}/7_theo_1.wav,eleven\n", encoding="utf-8")
    with pytest.raises(DataError, match="eleven"):
        align(word_run, data=manifest, device="cpu")


def test_one_utterance_and_its_picture(word_run: Path, tmp_path: Path) -> None:
    everything = load_system(word_run, "best", "cpu").config.data.load_split("test", cache_folder())
    wanted, picture = everything[7].id, tmp_path / "seven.png"
    (path,) = align(word_run, output=tmp_path, text_format="jsonl", only=[wanted], plot=picture, device="cpu")
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [wanted]
    pixels = imread(picture)
    assert pixels.shape[1] > pixels.shape[0] > 400
    assert len({tuple(pixel) for pixel in pixels[60:300, 200:600].reshape(-1, pixels.shape[2])}) > 100
    with pytest.raises(DataError, match="no utterance is called nobody"):
        align(word_run, output=tmp_path, only=["nobody"], device="cpu")


def test_textgrids_have_names_that_differ_and_stay_inside(word_run: Path, fsdd: Path, tmp_path: Path) -> None:
    ids = ["../../up", "/abs", "a/b", "a_b", "A_B", "x" * 300]
    rows = "".join(f'{fsdd}/7_theo_{number}.wav,seven,"{id}"\n' for number, id in enumerate(ids))
    (tmp_path / "m.csv").write_text(f"audio,text,id\n{rows}", encoding="utf-8")
    output = tmp_path / "one" / "two"
    files = align(word_run, data=tmp_path / "m.csv", output=output, text_format="textgrid", device="cpu")
    assert sorted(output.iterdir()) == sorted(files)
    assert len({file.name.casefold() for file in files}) == len(ids)
    assert {path.name for path in tmp_path.iterdir()} == {"m.csv", "one"}


def test_alignments_are_not_written_through_links(word_run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "words.ctm").symlink_to(tmp_path / "mine")
    align(word_run, output=tmp_path / "out", device="cpu")
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "out" / "words.ctm").is_symlink()


def test_one_utterance_is_aligned_as_it_is_among_the_others(
    fsdd: Path, hmm_cache: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nicolas is none of the training data, and normalised by all that he says."""
    folder = tmp_path_factory.mktemp("speakers")
    text = WORDS.replace("normalise: global", "normalise: speaker")
    run = trained_run(folder, fsdd, hmm_cache, text)
    paths = [fsdd / f"{digit}_nicolas_1.wav" for digit in range(10)]
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    rows = [
        {"id": word, "audio": str(path), "text": word, "speaker": "nicolas"}
        for path, word in zip(paths, words, strict=True)
    ]
    data = folder / "nicolas.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    capsys.readouterr()
    (all_of_them,) = align(run, data=data, output=folder / "all", text_format="jsonl", device="cpu")
    for name in ("seven", "three"):
        (alone,) = align(run, data=data, output=folder / name, text_format="jsonl", only=[name], device="cpu")
        assert alone.read_text() in all_of_them.read_text().splitlines(keepends=True)
    loud, rate = soundfile.read(paths[7])
    soundfile.write(folder / "loud.wav", np.clip(loud * 20 / np.abs(loud).max(), -1, 1), rate)
    data.write_text(json.dumps({"audio": "loud.wav", "text": "seven", "speaker": "nicolas"}) + "\n")
    assert "clipped" not in capsys.readouterr().err
    align(run, data=data, output=folder / "loud", device="cpu")
    assert "1 of 1 recordings are clipped" in capsys.readouterr().err

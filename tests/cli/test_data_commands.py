"""``asrtrain data``, on recordings of real speech."""

from __future__ import annotations

import csv
import json
import shutil
import tarfile
import wave
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from asrtrain.data.corpora import CORPORA

DIGITS = ("zero", "one", "two", "three")


@pytest.fixture
def manifest(fsdd: Path, tmp_path: Path) -> Path:
    """Eight recordings of two speakers, and a CSV manifest beside them."""
    rows = [("id", "audio", "text", "speaker")]
    for digit, word in enumerate(DIGITS):
        for speaker in ("theo", "jackson"):
            name = f"{digit}_{speaker}_7.wav"
            shutil.copy(fsdd / name, tmp_path / name)
            rows.append((Path(name).stem, name, word, speaker))
    path = tmp_path / "train.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def add(manifest: Path, *lines: str) -> None:
    with manifest.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_list_names_every_corpus_and_says_which_are_here(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yesno").mkdir()
    monkeypatch.setenv("ASRTRAIN_CORPORA", str(tmp_path))
    result = run("data", "list")
    assert result.code == 0
    for name, corpus in CORPORA.items():
        assert f"{name}: {corpus.card.title}" in result.out
    assert result.out.count("; in ") == 1


def test_get_from_a_local_folder_then_prepare(run: Run, fsdd: Path, tmp_path: Path) -> None:
    source = tmp_path / "source" / "recordings"
    source.mkdir(parents=True)
    for recording in fsdd.glob("[01]_theo_*.wav"):
        shutil.copy(recording, source)
    result = run("data", "get", "fsdd", "--from", source.parent, "--output", "corpora/fsdd")
    assert (result.code, result.out) == (0, "corpora/fsdd\n")
    prepared = run("data", "prepare", "fsdd", "corpora/fsdd", "--output", "manifests", "--format", "csv")
    assert "manifests/train.csv" in prepared.out.split()
    assert run("data", "stats", "manifests/train.csv").code == 0


def test_get_and_prepare_by_default_where_corpora_lie(
    run: Run, corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASRTRAIN_CORPORA", str(corpora))
    assert run("data", "prepare", "fsdd").code == 0
    assert len(Path("manifests/test.jsonl").read_text(encoding="utf-8").splitlines()) == 300
    monkeypatch.setenv("ASRTRAIN_CORPORA", str(tmp_path / "none"))
    assert run("data", "prepare", "fsdd").code == 3


def test_get_refuses(run: Run) -> None:
    assert run("data", "get", "nosuch").code == 2
    assert run("data", "get", "fsdd", "--from", "/no/such/archive.zip").code == 3
    assert run("data", "get", "yesno", "--part", "half").code == 2


def test_get_notices_a_missing_checksum(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from asrtrain.data.corpora import obtain

    def get_corpus(name: str, output: Path, **_: object) -> obtain.Obtained:
        return obtain.Obtained(output, {f"http://localhost/{name}.zip": "sha256:123"})

    monkeypatch.setattr(obtain, "get_corpus", get_corpus)
    result = run("data", "get", "fsdd", "--output", "here")
    assert result.out == "here\n"
    assert result.err == (
        "notice: no checksum is published for http://localhost/fsdd.zip; this download has sha256:123\n"
    )


def test_stats_for_reading_and_for_programs(run: Run, manifest: Path) -> None:
    assert "8 in 8 recordings" in run("data", "stats", manifest).out
    assert json.loads(run("data", "stats", manifest, "--format", "json").out)["speakers"] == 2


def test_shard_a_manifest(run: Run, manifest: Path) -> None:
    result = run("data", "shard", manifest, "--output", "shards", "--count", 3)
    assert (result.out, result.err) == ("shards\n", "8 utterances in 3 shards\n")
    assert len(list(Path("shards").iterdir())) == 3
    assert run("data", "shard", manifest, "--output", "shards").code == 3


def test_shards_are_checked_and_counted_as_a_manifest_is(run: Run, manifest: Path) -> None:
    run("data", "shard", manifest, "--output", "shards", "--count", 5)
    result = run("data", "validate", "shards")
    assert (result.code, result.out.splitlines()[0].split(" (")[0]) == (0, "shards: 8 usable utterances")
    assert "5 in 5 recordings" in run("data", "stats", "shards/shard-000000.tar").out
    assert run("data", "convert", "shards", "again.csv").code == 0
    with tarfile.open("shards/shard-000001.tar", "a") as shard:
        shard.add(manifest, "mute.txt")
    spoilt = run("data", "validate", "shards", "--format", "json")
    assert (spoilt.code, json.loads(spoilt.out)["counts"]) == (3, {"malformed": 1})
    assert run("data", "validate", "shards", "--fix", "drop").code == 0
    assert run("data", "validate", "shards-clean.jsonl").code == 0


def test_convert_there_and_back(run: Run, manifest: Path) -> None:
    result = run("data", "convert", manifest, "train.jsonl")
    assert (result.out, result.err) == ("train.jsonl\n", "8 utterances\n")
    assert run("data", "convert", "train.jsonl", "kaldi", "--format", "kaldi").code == 0
    assert run("data", "convert", "kaldi", "again.csv", "--input-format", "kaldi").code == 0
    assert "three" in Path("again.csv").read_text(encoding="utf-8")
    assert "exists already" in run("data", "convert", manifest, "again.csv").err
    assert run("data", "convert", manifest, "what.xyz").code == 3


def test_validate_a_good_manifest(run: Run, manifest: Path) -> None:
    result = run("data", "validate", manifest)
    assert result.code == 0
    assert "8 usable utterances" in result.out


def test_validate_tells_every_mistake_and_drops_them(run: Run, manifest: Path) -> None:
    with wave.open(str(manifest.parent / "silence.wav"), "wb") as silence:
        silence.setparams((1, 2, 8000, 8000, "NONE", "not compressed"))
        silence.writeframes(bytes(16000))
    add(manifest, "s,silence.wav,zero,theo", "g,gone.wav,one,theo")
    result = run("data", "validate", manifest, "--format", "json")
    assert result.code == 3
    assert json.loads(result.out)["counts"] == {"missing_audio": 1, "silent": 1}
    fixed = run("data", "validate", manifest, "--fix", "drop")
    assert fixed.code == 0
    assert "kept 8 utterances in" in fixed.err
    assert run("data", "validate", "train-clean.csv").code == 0
    dropped = [json.loads(line) for line in Path("train-clean-dropped.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {complaint["kind"] for complaint in dropped} == {"missing_audio", "silent"}
    assert "exists already" in run("data", "validate", manifest, "--fix", "drop").err


def test_validate_against_a_configuration(run: Run, manifest: Path) -> None:
    changes = ("objective=ctc", "data.unit=char", "features.sample_rate=8000", "features.stack=3")
    run("config", "init", "c.yaml", *(part for change in changes for part in ("--set", change)))
    add(manifest, f"long,0_theo_7.wav,{'zero ' * 60},theo")
    result = run("data", "validate", manifest, "--config", "c.yaml", "--set", "model=lstm")
    assert result.code == 3
    assert "long" in result.out
    assert "too long for their recordings" in result.out


def test_validate_all_data_of_a_configuration(run: Run, manifest: Path) -> None:
    data = f"train: {{name: manifest, path: {manifest}}}, held_out: {{fraction: 0.25}}"
    Path("c.yaml").write_text(f"data: {{{data}}}\nmodel: {{name: softmax}}\n", encoding="utf-8")
    result = run("data", "validate", "c.yaml")
    assert result.code == 0
    assert result.out.startswith("c.yaml: 8 usable utterances")
    assert run("data", "validate", "c.yaml", "--fix", "drop").code == 2


def test_validate_refuses_a_single_label_as_fit_does(run: Run, manifest: Path, folder: Path) -> None:
    lines = manifest.read_text(encoding="utf-8").splitlines()
    zeros = manifest.with_name("zeros.csv")
    zeros.write_text("\n".join([lines[0], *(line for line in lines if "zero" in line)]) + "\n", encoding="utf-8")
    Path("c.yaml").write_text(f"data: {{train: {{name: manifest, path: {zeros}}}}}\nmodel: softmax\n", encoding="utf-8")
    sentence = "a recogniser tells two labels or more apart"
    refused = run("fit", "c.yaml")
    assert (refused.code, sentence in refused.err) == (3, True)
    for arguments in ((zeros,), ("c.yaml",), (zeros, "--config", "c.yaml")):
        result = run("data", "validate", *arguments)
        assert (result.code, sentence in result.out) == (3, True), result.out
    # What is scored may be of one word.
    assert run("data", "validate", zeros, "--run", folder / "runs" / "latest").code == 0


def test_synth_is_reproducible(run: Run) -> None:
    pytest.importorskip("espeakng_loader")
    assert run("data", "synth", "--count", 2, "--seed", 4, "--output", "a").out == "a/manifest.jsonl\n"
    run("data", "synth", "--count", 2, "--set", "seed=4", "--output", "b")
    assert [path.read_bytes() for path in sorted(Path("a").glob("*.wav"))] == [
        path.read_bytes() for path in sorted(Path("b").glob("*.wav"))
    ]
    assert sorted(path.suffix for path in Path("a").iterdir()) == [".json", ".jsonl", ".wav", ".wav"]
    assert not [path for path in Path().iterdir() if path.name not in ("a", "b")]
    assert "exists already" in run("data", "synth", "--count", 2, "--output", "a").err
    assert "--set count: wants a whole number > 0, found 0" in run("data", "synth", "--count", 0, "--output", "c").err


def test_synth_says_one_text(run: Run) -> None:
    pytest.importorskip("espeakng_loader")
    assert run("data", "synth", "--say", "seven", "--output", "new/seven.wav").out == "new/seven.wav\n"
    with wave.open("new/seven.wav") as spoken:
        assert spoken.getnframes() > 0.2 * spoken.getframerate()
    seven = Path("new/seven.wav").read_bytes()
    again = run("data", "synth", "--say", "eight", "--output", "new/seven.wav")
    assert (again.code, Path("new/seven.wav").read_bytes()) == (2, seven)
    assert again.err == ("new/seven.wav exists already: choose another --output, or add --overwrite to replace it\n")
    assert run("data", "synth", "--say", "eight", "--output", "new/seven.wav", "--overwrite").code == 0
    assert Path("new/seven.wav").read_bytes() != seven
    assert run("data", "synth", "--count", 1, "--overwrite").code == 2
    assert run("data", "synth", "--say", "seven").code == 2
    assert run("data", "synth", "--say", "seven", "--count", 3).code == 2
    assert run("data", "synth", "--say", "", "--output", "nothing.wav").code == 2

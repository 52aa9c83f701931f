"""Folders of recordings: those that are a folder per class, and those that only look like it."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from asrtrain.data.complaints import Complaint
from asrtrain.data.data_config import DataConfig
from asrtrain.data.manifest import read_manifest, remarks_on, scan_manifest
from asrtrain.data.manifest_source import ManifestConfig
from asrtrain.data.validation import Requirements, check_cheaply, validate_manifest
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.errors import DataError
from asrtrain.types import Utterance


def _made(root: Path, *places: str, **texts: str) -> Path:
    for number, place in enumerate(places):
        file = root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix in (".wav", ".flac"):
            soundfile.write(file, [0.1 + 0.01 * number] * 800, 8000)
        else:
            file.write_text(texts.get(file.name, "x"))
    return root


METADATA = "file_name,transcription\ndata/1.wav,yes\ndata/2.wav,no\n"


def _table(root: Path, name: str, content: str) -> None:
    (root / name).write_text(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", METADATA),
        ("metadata.csv", METADATA.replace("transcription", "label")),
        ("metadata.tsv", METADATA.replace(",", "\t")),
        ("metadata.jsonl", '{"file_name": "data/1.wav", "text": "yes"}\n{"file_name": "data/2.wav", "text": "no"}\n'),
    ],
    ids=["csv", "labels", "tsv", "jsonl"],
)
def test_an_audio_folder_is_read_by_its_table(name: str, content: str, tmp_path: Path) -> None:
    root = _made(tmp_path / "h", "data/1.wav", "data/2.wav", "data/3.wav")
    _table(root, name, content)
    assert [(u.audio.name, u.text) for u in ManifestConfig(path=root).load(tmp_path)] == [
        ("1.wav", "yes"),
        ("2.wav", "no"),
    ]
    assert [str(remark) for remark in remarks_on(root)] == [f"{root}: 1 not named in the table: data/3.wav"]


def test_an_audio_folder_of_splits_says_that_all_are_read_as_one(tmp_path: Path) -> None:
    root = _made(tmp_path / "h", "train/1.wav", "test/2.wav")
    _table(root, "metadata.csv", "file_name,text\ntrain/1.wav,yes\ntest/2.wav,no\n")
    (remark,) = remarks_on(root)
    assert remark.kind == "layout"
    assert "test, train seem to be splits, and all that the table names is read as one" in remark.message


CERTAIN = {
    "splits": (["train/low/1.wav", "train/high/2.wav", "test/low/3.wav"], "test, train are splits, not labels"),
    "splits of files": (["training/1.wav", "validation/2.wav"], "training, validation are splits"),
    "splits beside documents": (["TRAIN/DR1/1.wav", "TEST/DR1/2.wav", "DOC/readme.txt"], "TEST, TRAIN are splits"),
    "sessions": (["session0/1.wav", "session1/2.wav"], "session0, session1 are parts of a corpus, not labels"),
    "folds": (["fold1/1.wav", "fold2/2.wav"], "fold1, fold2 are parts of a corpus, not labels"),
    "LibriSpeech": (["84/12/84-12-0.flac", "85/1/85-1-0.flac", "84/12/84-12.trans.txt"], "data prepare librispeech"),
    "a folder around the classes": (["data/low/1.wav", "data/high/2.wav"], "give path: {root}/data"),
}
DOUBTFUL = {
    "VCTK": (["a/p1/p1_1.wav", "b/p2/p2_1.wav", "txt/p1/p1_1.txt", "txt/p2/p2_1.txt"], "say what is said"),
    "texts beside recordings": (["anna/1.wav", "bert/2.wav", "anna/1.lab", "bert/2.lab"], "anna/1.lab"),
    "speakers": (["speaker1/1.wav", "speaker2/2.wav"], "seem to name speakers"),
    "speakers of VCTK": (["p225/1.wav", "p226/2.wav"], "seem to name speakers"),
    "speakers of AudioMNIST": (["01/0_01_0.wav", "10/0_10_0.wav"], "seem to name speakers"),
    "speakers of LibriSpeech": (["1089/1.wav", "121/2.wav"], "seem to name speakers"),
    "folders in classes": (["anna/low/1.wav", "bert/low/2.wav"], "the label may be 'anna' or 'low'"),
    "a table": (["low/1.wav", "high/2.wav", "labels.csv"], "labels.csv in it seems to name recordings"),
}


@pytest.mark.parametrize(("places", "said"), CERTAIN.values(), ids=CERTAIN)
@pytest.mark.parametrize("form", ["auto", "folder"])
def test_what_is_no_folder_per_class_is_refused_with_the_way_out(
    places: list[str], said: str, form: str, tmp_path: Path
) -> None:
    root = _made(tmp_path / "s", *places)
    with pytest.raises(DataError) as caught:
        ManifestConfig.model_validate({"path": root, "format": form}).load(tmp_path)
    assert said.format(root=root) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("places", "said"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_may_be_no_folder_per_class_is_refused_until_somebody_says_that_it_is_one(
    places: list[str], said: str, tmp_path: Path
) -> None:
    root = _made(tmp_path / "s", *places, **{"labels.csv": "path,sentence\nlow/1.wav,low\n"})
    with pytest.raises(DataError, match="if the folders' names are the labels, say so: format: folder") as caught:
        read_manifest(root)
    assert said in str(caught.value)
    utterances, complaints = scan_manifest(root, "folder")
    assert len(utterances) == 2
    assert [said in complaint.message for complaint in complaints if complaint.kind == "layout"] == [True]


def test_numbers_that_are_said_may_be_labels(tmp_path: Path) -> None:
    root = _made(tmp_path / "s", "0/1.wav", "7/2.wav", "10/3.wav", "20/4.wav")
    assert [u.text for u in read_manifest(root)] == ["0", "10", "20", "7"]


def test_tables_within_the_folders_are_asked_about(tmp_path: Path) -> None:
    root = _made(tmp_path / "s", "low/1.wav", "high/2.wav")
    _table(root / "low", "metadata.csv", "file_name,transcription\n1.wav,so low\n")
    with pytest.raises(DataError, match=r"low/metadata\.csv in it seems to name recordings and their texts"):
        read_manifest(root)


def test_words_that_are_names_of_splits_too_may_be_labels(tmp_path: Path) -> None:
    root = _made(tmp_path / "s", "train/1.wav", "plane/2.wav", "test/3.wav")
    assert [u.text for u in read_manifest(root)] == ["plane", "test", "train"]


def test_a_table_of_something_else_beside_the_classes_is_asked_about(tmp_path: Path) -> None:
    root = _made(tmp_path / "s", "low/1.wav", "high/2.wav")
    _table(root, "metadata.csv", "class,description\nlow,a low sound\n")
    with pytest.raises(DataError, match=r"metadata\.csv: no columns that name recordings and texts"):
        read_manifest(root)
    assert len(read_manifest(root, "folder")) == 2


def test_what_is_left_out_of_a_folder_is_counted_with_examples(tmp_path: Path) -> None:
    root = _made(
        tmp_path / "s",
        *("yes/1.wav", "no/2.wav", "yes/a.txt", "yes/b.pdf", "no/.h.wav", "_noise_/n.wav", "maybe/readme.md"),
    )
    said = {remark.message for remark in remarks_on(root)}
    assert said == {
        "3 of no kind of audio: maybe/readme.md, yes/a.txt, yes/b.pdf",
        "1 hidden: no/.h.wav",
        "1 with names that begin with an underscore: _noise_",
        "1 folders without recordings: maybe",
    }
    assert {c.message for c in validate_manifest(root).of("notice")} >= said
    config = DataConfig.model_validate({"train": {"name": "manifest", "path": root}})
    assert {remark.message for remark in config.load(tmp_path).remarks} == said


def _utterances(*texts: str) -> list[Utterance]:
    return [Utterance(str(i), Path(f"{i}.wav"), text) for i, text in enumerate(texts)]


def _complaints(train: list[Utterance], dev: list[Utterance]) -> list[Complaint]:
    vocabulary = Vocabulary.from_texts((u.text for u in (*train, *dev)), "label")
    found = check_cheaply({"train": train, "dev": dev}, Requirements(vocabulary=vocabulary)).complaints
    return [complaint for complaint in found if complaint.kind in ("one_label", "rare_labels")]


def test_a_single_label_is_an_error_even_if_others_are_held_out() -> None:
    (complaint,) = _complaints(_utterances("yes", "yes"), _utterances("no"))
    assert complaint.severity == "error"
    assert complaint.message.startswith("all 2 training recordings have the label 'yes': a recogniser tells two")


def test_labels_with_few_recordings_are_named_with_their_numbers() -> None:
    (complaint,) = _complaints(_utterances(*["yes"] * 3, "no", "go", "go"), _utterances("up", "yes"))
    assert complaint.message == "3 labels have 2 training recordings or fewer: 'go' 2, 'no' 1, 'up' 0"

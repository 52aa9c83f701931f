"""Every corpus: from an archive in its own layout, served on this machine, to utterances that can be read."""

from __future__ import annotations

import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from layouts import LAYOUTS, librispeech, sound, text
from local_server import Server

from asrtrain.data.audio import read_audio
from asrtrain.data.corpora import CORPORA, Archive
from asrtrain.data.corpora.an4 import AN4Config
from asrtrain.data.corpora.common_voice import CommonVoiceConfig
from asrtrain.data.corpora.librispeech import LibriSpeechConfig
from asrtrain.data.corpora.obtain import get_corpus
from asrtrain.data.corpora.prepare import prepare_corpus
from asrtrain.data.corpora.speech_commands import SpeechCommandsConfig
from asrtrain.data.corpora.yesno import YesNoConfig
from asrtrain.data.manifest import read_manifest
from asrtrain.errors import DataError, UsageError
from asrtrain.types import Utterance


def _packed(name: str, folder: Path) -> Path:
    """The corpus's archive, as published: a compressed tar."""
    LAYOUTS[name](folder / name)
    archive = folder / f"{name}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder / name, arcname=".", recursive=True)
    return archive


def _check_readable(utterances: list[Utterance]) -> None:
    assert utterances
    assert len({u.id for u in utterances}) == len(utterances)
    for utterance in utterances:
        audio = read_audio(utterance.audio, 8000, offset=utterance.offset, duration=utterance.duration)
        assert 0.2 < audio.duration < 4 and abs(audio.samples).max() > 0.005
        assert utterance.text and utterance.speaker


@pytest.mark.parametrize("name", CORPORA)
def test_downloaded_unpacked_and_read(name: str, server: Server, tmp_path: Path) -> None:
    server.files["corpus.tar.gz"] = _packed(name, tmp_path).read_bytes()
    output = tmp_path / "corpora" / name
    obtained = get_corpus(name, output, source=server.url("corpus.tar.gz"), progress=False)
    assert obtained.folder == output
    assert [digest[:7] for digest in obtained.unverified.values()] == ["sha256:"]
    assert [path.name for path in output.parent.iterdir()] == [name]
    seen: set[str] = set()
    for split in CORPORA[name].card.splits[:1] if name == "librispeech" else CORPORA[name].card.splits:
        utterances = CORPORA[name].model_validate({"folder": output, "split": split}).load(tmp_path / "cache")
        _check_readable(utterances)
        assert not seen & {u.id for u in utterances}
        seen |= {u.id for u in utterances}


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("format", ["jsonl", "kaldi"])
def test_prepared_manifests_read_back_the_same(name: str, format: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path / name)
    written = prepare_corpus(name, tmp_path / name, tmp_path / "manifests", format)  # type: ignore[arg-type]
    for split, path in written.items():
        utterances = CORPORA[name].model_validate({"folder": tmp_path / name, "split": split}).load(tmp_path / "cache")
        again = {u.id: u for u in read_manifest(path)}
        assert again.keys() == {u.id for u in utterances}
        assert all((again[u.id].text, again[u.id].speaker) == (u.text, u.speaker) for u in utterances)


def test_own_archives_are_downloaded_part_by_part_and_only_once(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mini = CORPORA["mini_librispeech"]
    archives = []
    for split in mini.card.splits:
        librispeech(split)(tmp_path / split)
        with tarfile.open(tmp_path / f"{split}.tar.gz", "w:gz") as tar:
            tar.add(tmp_path / split / "LibriSpeech", arcname="LibriSpeech")
        server.files[f"{split}.tar.gz"] = (tmp_path / f"{split}.tar.gz").read_bytes()
        archives.append(Archive(server.url(f"{split}.tar.gz"), None, split))
    monkeypatch.setattr(mini, "card", replace(mini.card, archives=tuple(archives)))
    output = tmp_path / "mini"
    get_corpus("mini_librispeech", output, parts=["dev-clean-2"], progress=False)
    assert list(prepare_corpus("mini_librispeech", output, tmp_path / "dev")) == ["dev-clean-2"]
    obtained = get_corpus("mini_librispeech", output, progress=False)
    assert list(obtained.unverified) == [server.url("train-clean-5.tar.gz")]
    assert list(prepare_corpus("mini_librispeech", output, tmp_path / "all")) == ["train-clean-5", "dev-clean-2"]
    assert get_corpus("mini_librispeech", output, progress=False).unverified == {}
    assert len(server.requests) == 2


def test_local_archives_and_folders(tmp_path: Path) -> None:
    LAYOUTS["yesno"](tmp_path / "yesno")
    with zipfile.ZipFile(tmp_path / "yesno.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (tmp_path / "yesno").rglob("*"):
            archive.write(path, path.relative_to(tmp_path / "yesno"))
    for source in ("yesno.zip", "yesno", "yesno/waves_yesno"):
        output = tmp_path / "got" / source.replace("/", "-")
        get_corpus("yesno", output, source=str(tmp_path / source))
        assert len(YesNoConfig(folder=output, split="all").load(tmp_path)) == 4
    with pytest.raises(DataError, match="exists already: name another folder"):
        get_corpus("yesno", tmp_path / "got", source=str(tmp_path / "yesno"))


def test_what_is_not_the_corpus_leaves_nothing_behind(tmp_path: Path) -> None:
    archive = _packed("an4", tmp_path)
    output = tmp_path / "got" / "fsdd"
    with pytest.raises(DataError, match=rf"^{archive} is not in the layout of fsdd"):
        get_corpus("fsdd", output, source=str(archive))
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        get_corpus("fsdd", output, source=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="cannot be unpacked, it may be damaged or no archive"):
        get_corpus("fsdd", output, source=__file__)
    assert not list(output.parent.iterdir())
    with pytest.raises(UsageError, match="no corpus 'fssd'; there are an4, "):
        get_corpus("fssd", output)
    with pytest.raises(UsageError, match="librispeech has no part dev; it has train-clean-100"):
        get_corpus("librispeech", output, parts=["dev"])
    with pytest.raises(DataError, match=r"get it from https://commonvoice.mozilla.org/datasets, then use --from"):
        get_corpus("common_voice", output)


def test_yesno_by_kaldis_split(tmp_path: Path) -> None:
    LAYOUTS["yesno"](tmp_path)
    train = YesNoConfig(folder=tmp_path).load(tmp_path)
    test = YesNoConfig(folder=tmp_path, split="test").load(tmp_path)
    assert [u.text for u in train] == ["no no no no yes yes yes yes", "no no no yes no no no yes"]
    assert [u.id for u in test] == ["1_0_1_0_1_0_0_1", "1_1_1_1_1_1_1_1"]


def test_an4_transcripts_and_speakers(tmp_path: Path) -> None:
    LAYOUTS["an4"](tmp_path)
    train = AN4Config(folder=tmp_path).load(tmp_path)
    test = AN4Config(folder=tmp_path, split="test").load(tmp_path)
    assert [(u.id, u.text, u.speaker) for u in train] == [
        ("an251-fash-b", "YES", "fash"),
        ("cen7-fash-b", "TWO SIX EIGHT FOUR FOUR ONE EIGHT", "fash"),
    ]
    assert [(u.text, u.speaker) for u in test] == [("RUBOUT G M E F THREE NINE", "fcaw")]
    assert str(train[1].source).endswith("an4_train.fileids:2")


def test_an4_in_headerless_files_is_the_same_audio(tmp_path: Path) -> None:
    LAYOUTS["an4"](tmp_path)
    with_header = AN4Config(folder=tmp_path).load(tmp_path / "cache")
    expected = [read_audio(u.audio, 16000).samples for u in with_header]
    for path in list(tmp_path.rglob("*.sph")):
        path.with_suffix(".raw").write_bytes(soundfile.read(path, dtype="int16")[0].astype("<i2").tobytes())
        path.unlink()
    raw = AN4Config(folder=tmp_path).load(tmp_path / "cache")
    assert [u.id for u in raw] == [u.id for u in with_header]
    assert all((read_audio(u.audio, 16000).samples == x).all() for u, x in zip(raw, expected, strict=True))


def test_sphere_files_as_cmu_writes_them(tmp_path: Path) -> None:
    """AN4's headers have no sample_coding and the bytes of a sample in either order."""
    header = (
        "NIST_1A\n   1024\ndatabase_id -s3 an4\nchannel_count -i 1\nsample_count -i 800\nsample_rate -i 16000\n"
        "sample_min -i -3276\nsample_max -i 3276\nsample_n_bytes -i 2\nsample_byte_format -s2 {order}\n"
        "sample_sig_bits -i 16\nend_head\n"
    )
    for order, kind in (("10", ">i2"), ("01", "<i2")):
        path = tmp_path / f"{order}.sph"
        content = np.arange(-3200, 3200, 8).astype(kind)
        path.write_bytes(header.format(order=order).encode().ljust(1024, b" ") + content.tobytes())
        audio = read_audio(path, 16000)
        assert np.array_equal(audio.samples * 32768, content.astype(np.float32))


def test_an4_complains_of_everything_at_once(tmp_path: Path) -> None:
    LAYOUTS["an4"](tmp_path)
    (tmp_path / "an4/wav/an4_clstk/fash/cen7-fash-b.sph").unlink()
    text(tmp_path / "an4/etc/an4_train.transcription", "<s> YES </s> an251-fash-b")
    with pytest.raises(DataError) as caught:
        AN4Config(folder=tmp_path).load(tmp_path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "an4_train.transcription:1: expected WORDS (name)" in lines[0]
    assert "an4_train.fileids:1: 'an251-fash-b' has no transcript" in lines[1]
    assert "an4_train.fileids:2: there is no" in lines[2]


def test_speech_commands_split_by_its_lists(tmp_path: Path) -> None:
    LAYOUTS["speech_commands"](tmp_path)
    sizes = {
        split: len(SpeechCommandsConfig.model_validate({"folder": tmp_path, "split": split}).load(tmp_path))
        for split in ("train", "validation", "test", "all")
    }
    assert sizes == {"train": 18, "validation": 4, "test": 2, "all": 24}
    validation = SpeechCommandsConfig(folder=tmp_path, split="validation").load(tmp_path)
    assert {(u.text, u.speaker) for u in validation} == {("yes", "1b4c9b89"), ("no", "1b4c9b89")}


def test_speech_commands_with_unknown_words_and_silence(tmp_path: Path) -> None:
    LAYOUTS["speech_commands"](tmp_path)
    settings = {"folder": tmp_path, "words": ["yes", "no"], "unknown": 0.5, "silence": 0.25}
    utterances = SpeechCommandsConfig.model_validate(settings).load(tmp_path)
    labels = [u.text for u in utterances]
    kept = labels.count("yes") + labels.count("no")
    assert (kept, labels.count("_unknown_"), labels.count("_silence_")) == (7, 4, 2)
    assert {u.audio.parent.name for u in utterances if u.text == "_unknown_"} <= {"tree", "zero"}
    silence = [u for u in utterances if u.text == "_silence_"]
    assert all(u.audio.parent.name == "_background_noise_" and u.duration == 1 and 0 <= u.offset <= 2 for u in silence)
    assert utterances == SpeechCommandsConfig.model_validate(settings).load(tmp_path)
    other = SpeechCommandsConfig.model_validate({**settings, "seed": 1}).load(tmp_path)
    assert [u.offset for u in other] != [u.offset for u in utterances]
    with pytest.raises(DataError, match="no recordings of yess; there are no, tree, yes, zero"):
        SpeechCommandsConfig(folder=tmp_path, words=("yess",)).load(tmp_path)
    for noise in (tmp_path / "_background_noise_").iterdir():
        noise.unlink()
    with pytest.raises(DataError, match="no noise recordings; set silence to 0"):
        SpeechCommandsConfig.model_validate(settings).load(tmp_path)


def test_listed_recordings_that_are_missing_are_named_with_their_line(tmp_path: Path) -> None:
    LAYOUTS["speech_commands"](tmp_path)
    (tmp_path / "tree" / "2aca1e72_nohash_0.wav").unlink()
    with pytest.raises(DataError, match=r"testing_list.txt:2: there is no .*tree/2aca1e72_nohash_0.wav"):
        SpeechCommandsConfig(folder=tmp_path, split="test").load(tmp_path)
    librispeech("dev-clean")(tmp_path)
    (tmp_path / "LibriSpeech/dev-clean/94/121123/94-121123-0001.flac").unlink()
    with pytest.raises(DataError, match=r"94-121123.trans.txt:2: there is no 94-121123-0001.flac beside it"):
        LibriSpeechConfig(folder=tmp_path, split="dev-clean").load(tmp_path)
    with pytest.raises(DataError, match="not in the layout of librispeech: no test-other/"):
        LibriSpeechConfig(folder=tmp_path, split="test-other").load(tmp_path)


def test_common_voice_keeps_quotation_marks_and_asks_which_language(tmp_path: Path) -> None:
    LAYOUTS["common_voice"](tmp_path)
    train = CommonVoiceConfig(folder=tmp_path).load(tmp_path)
    assert [u.text for u in train] == ['"Helo", meddai hi.', "Ble mae’r tŷ?"]
    assert [u.speaker for u in train] == ["train0", "train1"]
    release = tmp_path / "cv-corpus-17.0-2024-03-15"
    sound(release / "br" / "clips" / "a.mp3", 32000)
    text(release / "br" / "train.tsv", "client_id\tpath\tsentence", "a\ta.mp3\tDemat")
    with pytest.raises(DataError, match=r"holds 2 corpora \(br, cy\): name the folder of one"):
        CommonVoiceConfig(folder=tmp_path).load(tmp_path)
    assert len(CommonVoiceConfig(folder=release / "br").load(tmp_path)) == 1


def test_what_fails_leaves_nothing_or_says_what_it_keeps(server: Server, tmp_path: Path) -> None:
    """The next call takes up what is kept."""
    output = tmp_path / "corpora" / "yesno"
    with pytest.raises(DataError, match="the server answers 404"):
        get_corpus("yesno", output, source=server.url("nowhere.tar.gz"), progress=False)
    server.files["yesno.tar.gz"] = b"no archive"
    with pytest.raises(DataError):
        get_corpus("yesno", output, source=server.url("yesno.tar.gz"), progress=False)
    server.breaks_after = [0, 0, 0]
    with pytest.raises(DataError, match="cannot fetch"):
        get_corpus("yesno", output, source=server.url("yesno.tar.gz"), progress=False)
    with pytest.raises(DataError, match="no such file or folder"):
        get_corpus("yesno", tmp_path / "other" / "yesno", source=str(tmp_path / "nowhere"))
    assert list((tmp_path / "corpora").iterdir()) == []
    assert not (tmp_path / "other").exists()

    server.files["yesno.tar.gz"] = _packed("yesno", tmp_path).read_bytes()
    server.breaks_after = [100, 100, 100]
    with pytest.raises(DataError, match=r"what was downloaded is kept in .*yesno\.download, for the next try"):
        get_corpus("yesno", output, source=server.url("yesno.tar.gz"), progress=False)
    get_corpus("yesno", output, source=server.url("yesno.tar.gz"), progress=False)
    assert [path.name for path in output.parent.iterdir()] == ["yesno"]

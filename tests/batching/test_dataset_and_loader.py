from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asrtrain.batching import BucketSampler, Dataset, Loader, OrderedSampler, dataset, load_dataset
from asrtrain.batching.loader import next_of_few
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.errors import DataError
from asrtrain.features import FEATURES
from asrtrain.features.augmentation import AugmentationConfig
from asrtrain.features.cache import RaggedArray
from asrtrain.files.kept import HEADER
from asrtrain.types import Source, Utterance

NAMES = [f"{digit}_{speaker}_{i}" for digit in (0, 3, 7) for speaker in ("jackson", "theo") for i in range(5)]
FRONT_END = FEATURES["log_mel"](sample_rate=8000, n_mels=16)
BY_SPEAKER = FEATURES["log_mel"](sample_rate=8000, n_mels=16, normalise="speaker")


@pytest.fixture
def utterances(fsdd: Path) -> list[Utterance]:
    return [Utterance(name, fsdd / f"{name}.wav", name[0], speaker=name.split("_")[1]) for name in NAMES]


@pytest.fixture
def loaded(utterances: list[Utterance], tmp_path: Path) -> Dataset:
    return load_dataset(utterances, encode, "label", 8000, tmp_path)


def encode(text: str) -> list[int]:
    return [int(text)]


def batches_of(loader: Loader, epoch: int, start: int = 0):
    return list(loader.epoch(epoch, start))


def same(one, other) -> bool:
    pairs = [(one.features, other.features), (one.lengths, other.lengths)]
    for name, targets in one.targets.items():
        pairs += [(targets.values, other.targets[name].values), (targets.lengths, other.targets[name].lengths)]
    return one.ids == other.ids and all(torch.equal(left, right) for left, right in pairs)


def spoil(path: Path, damage: str) -> None:
    """Of the arrays, not of the header; in place, so that those who have the file open see it."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        if damage == "cut":
            file.truncate(HEADER + 100)
        for place in {"bit": [*range(HEADER, size, 5000)], "zeros": [HEADER]}.get(damage, []):
            file.seek(place)
            old = file.read(1 if damage == "bit" else size // 2)
            file.seek(place)
            file.write(bytes([old[0] ^ 1]) if damage == "bit" else bytes(len(old)))


def test_waveforms_are_read_once(utterances, loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "read_audio", None)
    again = load_dataset(utterances, encode, "label", 8000, tmp_path)
    assert all((again.waveforms[i] == loaded.waveforms[i]).all() for i in range(len(NAMES)))
    assert again.ids == tuple(NAMES)
    assert again.targets[-1] == (7,)
    assert len(again) == len(NAMES)
    assert again.seconds.sum() == pytest.approx(loaded.waveforms.lengths.sum() / 8000)


def test_a_recording_that_changed_and_another_rate_are_read_again(utterances, loaded, tmp_path, fsdd):
    copy = tmp_path / "changed.wav"
    shutil.copy(fsdd / "1_george_0.wav", copy)
    changed = [*utterances[:-1], Utterance(utterances[-1].id, copy, "7")]
    assert load_dataset(changed, encode, "label", 8000, tmp_path).key != loaded.key
    assert load_dataset(utterances, encode, "classification", 16000, tmp_path).key != loaded.key
    before = load_dataset(changed, encode, "label", 8000, tmp_path)
    shutil.copy(fsdd / "2_theo_9.wav", copy)
    after = load_dataset(changed, encode, "label", 8000, tmp_path)
    assert len(after.waveforms[len(NAMES) - 1]) != len(before.waveforms[len(NAMES) - 1])


@pytest.mark.parametrize("block", [dataset._BLOCK, 20_000])
def test_cached_features_are_those_that_would_be_computed(loaded, tmp_path, monkeypatch, block):
    """Also where utterances are sorted in several blocks, of half a dozen."""
    monkeypatch.setattr(dataset, "_BLOCK", block)
    front_end = BY_SPEAKER.build()
    front_end.fit(loaded.waveform_batches(7))
    cached = loaded.with_features(front_end, BY_SPEAKER.model_dump(mode="json"), tmp_path)
    sampler = BucketSampler(loaded.seconds, batch_size=4, seed=1)
    for one, other in zip(
        Loader(loaded, sampler, front_end).epoch(0), Loader(cached, sampler, front_end).epoch(0), strict=True
    ):
        assert one.ids == other.ids
        torch.testing.assert_close(one.features, other.features, atol=1e-5, rtol=1e-5)
        assert torch.equal(one.lengths, other.lengths)


def test_features_measured_on_other_speech_are_cached_apart(loaded, tmp_path):
    front_end, other = BY_SPEAKER.build(), BY_SPEAKER.build()
    front_end.fit(loaded.waveform_batches())
    other.fit((waveforms * 3, lengths, speakers) for waveforms, lengths, speakers in loaded.waveform_batches())
    one, two = (loaded.with_features(f, BY_SPEAKER.model_dump(mode="json"), tmp_path) for f in (front_end, other))
    assert not torch.equal(one.features.padded([0])[0], two.features.padded([0])[0])


def test_features_of_one_speaker_are_not_taken_for_those_of_another(loaded, tmp_path):
    front_end, settings = BY_SPEAKER.build(), BY_SPEAKER.model_dump(mode="json")
    front_end.fit(loaded.waveform_batches())
    renamed = replace(loaded, speakers=("theo", *loaded.speakers[1:]))
    one, two = (speech.with_features(front_end, settings, tmp_path) for speech in (loaded, renamed))
    assert not torch.equal(one.features.padded([0])[0], two.features.padded([0])[0])
    front_end.meet((3 * x, lengths, ("eva",) * len(x)) for x, lengths, _ in loaded.waveform_batches())
    eva = replace(loaded, speakers=("eva",) * len(loaded))
    of_loud = eva.with_features(front_end, settings, tmp_path)
    front_end.meet(eva.waveform_batches())
    assert not torch.equal(
        of_loud.features.padded([0])[0], eva.with_features(front_end, settings, tmp_path).features.padded([0])[0]
    )


@pytest.mark.parametrize("kind", ["waveforms", "features"])
@pytest.mark.parametrize("damage", ["bit", "zeros", "cut"])
def test_damage_is_told_and_mended_in_the_middle_of_an_epoch(loaded, tmp_path, capsys, kind, damage):
    """The second batch is read from a file that another process has spoilt after the first."""
    front_end = BY_SPEAKER.build()
    front_end.fit(loaded.waveform_batches())
    cached = loaded.with_features(front_end, {}, tmp_path) if kind == "features" else loaded
    sampler = BucketSampler(loaded.seconds, batch_size=4, seed=1)
    whole = batches_of(Loader(cached, sampler, front_end), 0)
    (path,) = tmp_path.glob(f"{kind}-*.bin")
    content = path.read_bytes()
    batches = Loader(cached, sampler, front_end).epoch(0)
    assert same(next(batches), whole[0])
    spoil(path, damage)
    front_end.meet(
        (waveforms * 9, lengths, ["x"] * len(lengths)) for waveforms, lengths, _ in loaded.waveform_batches()
    )
    assert all(same(one, other) for one, other in zip(batches, whole[1:], strict=True))
    assert capsys.readouterr().err.count(f"{path} is damaged") == 1
    assert path.read_bytes() == content


def test_cached_features_are_read_not_computed(loaded, tmp_path):
    front_end = FRONT_END.build()
    first = loaded.with_features(front_end, {}, tmp_path)
    with_nothing = Loader(first, OrderedSampler(loaded.seconds, batch_size=8), None)
    assert len(batches_of(with_nothing, 0)) == with_nothing.batches_per_epoch == 4


AUGMENTATIONS = {
    "none": AugmentationConfig(),
    "waveforms": AugmentationConfig.model_validate({"speed": [0.9, 1.1], "noise": {}, "vtlp": [0.9, 1.1]}),
    "features": AugmentationConfig.model_validate({"spec_augment": {}}),
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_epoch_continued_anywhere_is_the_epoch(loaded, name, tmp_path):
    front_end = FRONT_END.build()
    cached = loaded.with_features(front_end, {}, tmp_path)
    augmentation = AUGMENTATIONS[name].build(8000, bands=front_end.bands)

    def loader() -> Loader:
        sampler = BucketSampler(loaded.seconds, batch_size=4, seed=1)
        return Loader(cached, sampler, front_end, augmentation, seed=3)

    whole = batches_of(loader(), 2)
    for start in range(len(whole) + 1):
        rest = batches_of(loader(), 2, start)
        assert len(rest) == len(whole) - start
        assert all(same(one, other) for one, other in zip(rest, whole[start:], strict=True))


def test_augmentation_is_new_in_every_epoch_and_for_every_seed(loaded):
    front_end = FRONT_END.build()
    augmentation = AUGMENTATIONS["waveforms"].build(8000, bands=front_end.bands)
    everything = OrderedSampler(loaded.seconds, batch_size=30)
    first, second = (batches_of(Loader(loaded, everything, front_end, augmentation, seed=1), n)[0] for n in (0, 1))
    other = batches_of(Loader(loaded, everything, front_end, augmentation, seed=2), 0)[0]
    plain = batches_of(Loader(loaded, everything, front_end), 0)[0]
    assert not same(first, second)
    assert not same(first, other)
    assert first.ids == second.ids == plain.ids
    assert same(plain, batches_of(Loader(loaded, everything, front_end), 1)[0])


class TheFirstTwice:
    """Two batches of the same utterance."""

    def epoch(self, number: int) -> list[list[int]]:
        return [[0], [0]]


def test_every_batch_of_an_epoch_is_augmented_in_its_own_way(loaded):
    front_end = FRONT_END.build()
    augmentation = AUGMENTATIONS["waveforms"].build(8000, bands=front_end.bands)
    one, other = batches_of(Loader(loaded, TheFirstTwice(), front_end, augmentation, seed=1), 0)
    assert one.ids == other.ids
    assert not same(one, other)


def test_few_lengths_pad_the_same_batches_with_zeros(loaded, tmp_path):
    cached = loaded.with_features(FRONT_END.build(), {}, tmp_path)
    sampler = BucketSampler(loaded.seconds, batch_size=4, seed=1)
    exact, few = (list(Loader(cached, sampler, None, few_lengths=few).epoch(0)) for few in (False, True))
    for one, padded in zip(exact, few, strict=True):
        frames = one.features.shape[1]
        assert padded.features.shape[1] == next_of_few(frames)
        assert torch.equal(padded.features[:, :frames], one.features)
        assert not padded.features[:, frames:].any()
        assert torch.equal(padded.lengths, one.lengths)
    assert any(one.features.shape != padded.features.shape for one, padded in zip(exact, few, strict=True))


@given(st.integers(min_value=1, max_value=100_000))
def test_few_lengths_are_few_and_near(frames):
    padded = next_of_few(frames)
    assert frames <= padded < frames * 17 / 16 + 1
    assert next_of_few(padded) == padded
    octave = range(1 << frames.bit_length() - 1, 1 << frames.bit_length())
    if len(octave) < 4096:
        assert len({next_of_few(length) for length in octave}) <= 17


def test_transcripts_are_padded_with_blanks_and_may_be_empty(utterances, tmp_path):
    texts = ["one", "", "three"]
    vocabulary = Vocabulary.from_texts(texts, "char")
    spoken = [Utterance(u.id, u.audio, text) for u, text in zip(utterances, texts, strict=False)]
    sentences = load_dataset(spoken, vocabulary.encode, "char", 8000, tmp_path)
    batch = batches_of(Loader(sentences, OrderedSampler(sentences.seconds, batch_size=3), FRONT_END.build()), 0)[0]
    targets = batch.targets["char"]
    assert targets.values.shape == (3, 5)
    for name, symbols, length in zip(batch.ids, targets.values, targets.lengths.tolist(), strict=True):
        text = texts[NAMES.index(name)]
        assert length == len(text)
        assert vocabulary.decode(symbols[:length].tolist()) == text
        assert not symbols[length:].any()


def test_classes_are_one_number_an_utterance(loaded):
    batch = batches_of(Loader(loaded, OrderedSampler(loaded.seconds, batch_size=30), FRONT_END.build()), 0)[0]
    assert batch.targets["label"].values[:, 0].tolist() == [int(name[0]) for name in batch.ids]
    assert batch.targets["label"].lengths.tolist() == [1] * 30
    assert batch.features.dtype == torch.float32


def test_complaints_say_where(utterances, tmp_path, fsdd):
    vocabulary = Vocabulary.from_texts(["0", "3"], "label")
    declared = Utterance("x", fsdd / "7_theo_0.wav", "7", source=Source(Path("train.csv"), 17))
    with pytest.raises(DataError, match=r"train\.csv:17: .*7"):
        load_dataset([declared], vocabulary.encode, "label", 8000, tmp_path)
    absent = Utterance("x", tmp_path / "no.wav", "7", source=Source(Path("train.csv"), 18))
    with pytest.raises(DataError, match=r"train\.csv:18: .*no\.wav.*No such file"):
        load_dataset([absent], encode, "label", 8000, tmp_path)
    with pytest.raises(DataError, match="no utterances"):
        load_dataset([], encode, "label", 8000, tmp_path)


def test_a_full_disk_is_one_sentence(utterances, tmp_path, monkeypatch):
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RaggedArray, "write", full)
    with pytest.raises(DataError, match=r"waveforms-.*cannot be written: No space left on device"):
        load_dataset(utterances, encode, "label", 8000, tmp_path)

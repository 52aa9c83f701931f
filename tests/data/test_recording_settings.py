"""Labels that were each recorded in one sitting are told of; those of real corpora are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asrtrain.data.audio import audio_info, read_audio
from asrtrain.data.validation.settings import Setting, check_settings, is_surely_above, setting_of
from asrtrain.types import Audio

RATE = 8000


def recorded(
    label: str, number: int, *, gain: float = 0.3, floor: float = 1e-3, seconds: float = 1.0, rate: int = RATE
) -> Setting:
    """A tone in the middle of noise, each a little different."""
    draw = np.random.default_rng([number, *label.encode()])
    count = round(rate * seconds * draw.uniform(0.8, 1.2))
    samples = floor * draw.uniform(0.9, 1.1) * draw.standard_normal(count)
    samples[count // 4 : count // 2] += gain * draw.uniform(0.7, 1.4) * np.sin(np.arange(count // 2 - count // 4) * 0.3)
    return setting_of(Audio(samples.astype(np.float32), rate), label, f"{label}-{number}")


@pytest.mark.parametrize(
    ("name", "other"),
    [("loudness", {"gain": 0.03}), ("noise floor", {"floor": 1e-2}), ("length", {"seconds": 4.0}),
     ("sampling rate", {"rate": 16_000})],
)  # fmt: skip
def test_each_way_of_recording_is_told_of(name: str, other: dict[str, Any]) -> None:
    both = [recorded("yes", n) for n in range(30)] + [recorded("no", n, **other) for n in range(30)]
    told = [complaint.message for complaint in check_settings(both)]
    assert any(message.startswith(f"the {name} of a recording alone tells its label in 100%") for message in told)


def test_labels_recorded_in_turns_are_not_told_of() -> None:
    for count in (3, 8, 20, 100):
        assert not list(check_settings([recorded(label, n) for label in ("yes", "no", "up") for n in range(count)]))


def test_words_of_different_length_are_not_told_of() -> None:
    both = [recorded("no", n, seconds=0.4) for n in range(30)] + [recorded("seven", n, seconds=0.55) for n in range(30)]
    assert not list(check_settings(both))


def test_real_corpora_are_not_told_of(fsdd: Path) -> None:
    paths = sorted(fsdd.glob("*.wav"))
    for chosen in (paths[::8], [path for path in paths if "_jackson_" in path.name][::2]):
        settings = [
            setting_of(read_audio(path, audio_info(path).sample_rate), path.name[0], str(path)) for path in chosen
        ]
        assert not list(check_settings(settings))


def test_the_bound_holds() -> None:
    draw = np.random.default_rng(0)
    for share, count in ((0.8, 24), (0.64, 200), (0.96, 60)):
        found = draw.binomial(count, share, 4000) / count
        assert np.mean([is_surely_above(one, share, count) for one in found]) < 0.01
    assert is_surely_above(1.0, 0.8, 24)


@pytest.mark.parametrize(
    ("name", "other"),
    [("loudness", {"gain": 0.03}), ("noise floor", {"floor": 1e-2}), ("length", {"seconds": 4.0}),
     ("sampling rate", {"rate": 16_000})],
)  # fmt: skip
@pytest.mark.parametrize("apart", [("w1",), ("w0", "w2")])
def test_labels_of_another_sitting_are_told_of_by_name(
    name: str, other: dict[str, Any], apart: tuple[str, ...]
) -> None:
    """Of most labels nothing is told by how they were recorded: only of these."""
    labels = [f"w{number}" for number in range(6)]
    settings = [recorded(word, n, **(other if word in apart else {})) for word in labels for n in range(25)]
    told = [complaint.message for complaint in check_settings(settings)]
    named = ", ".join(map(repr, apart))
    assert any(one.startswith(f"the {name} of a recording alone tells {named} from the other labels") for one in told)
    rest = [setting for setting in settings if setting.label not in apart]
    assert not list(check_settings(rest))


def test_parts_of_one_recording_do_not_hide_the_others() -> None:
    whole = [recorded("yes", n) for n in range(30)] + [recorded("no", n, gain=0.03) for n in range(30)]
    assert list(check_settings([*whole, recorded("yes", 40), recorded("yes", 40)]))


def test_words_of_many_speakers_are_not_told_of(corpora: Path) -> None:
    paths = sorted((corpora / "own-words").rglob("*.flac"))
    for chosen in (paths[::3], [path for path in paths if path.name.startswith("s01-")]):
        settings = [setting_of(read_audio(path, 16_000), path.parent.name, str(path)) for path in chosen]
        assert not list(check_settings(settings))

"""Settings that cannot be are refused in one sentence; all others survive being written and read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from asrtrain.features import FEATURES

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("mfcc", {"frame_length": 0.1}, "milliseconds"),
    ("mfcc", {"frame_length": 0.025, "frame_shift": 0.010}, "milliseconds"),
    ("mfcc", {"frame_shift": 30.0}, "longer than frame_length"),
    ("mfcc", {"frame_shift": 0}, "greater than 0"),
    ("mfcc", {"n_fft": 128}, "n_fft must be even and no less than the 200 samples"),
    ("mfcc", {"n_fft": 301}, "n_fft must be even"),
    ("mfcc", {"n_mfcc": 41}, r"n_mfcc \(41\) cannot exceed n_mels \(40\)"),
    ("mfcc", {"n_mels": 120}, "120 filters are too many for n_fft 256"),
    ("log_mel", {"f_min": 3000.0, "f_max": 2000.0}, "f_min must lie below f_max"),
    ("log_mel", {"f_max": 5000.0}, "at most at half of 8000 Hz"),
    ("log_mel", {"high_pass": 5000.0}, "high_pass must lie below half the sample rate"),
    ("log_mel", {"low_pass": 4000.0}, "low_pass must lie below half the sample rate"),
    ("log_mel", {"high_pass": 2000.0, "low_pass": 300.0}, "nothing would pass"),
    ("log_mel", {"compat": "kaldi", "backend": "librosa"}, "knows neither compat: kaldi nor window: povey"),
    ("log_mel", {"window": "povey", "backend": "torchaudio"}, "knows neither"),
    ("log_mel", {"compat": "kaldi", "peak_floor": 50.0}, "a floor of its own"),
    ("log_mel", {"normalise": "utterance", "variance": "global"}, "sets the variance already"),
    ("log_mel", {"normalise": "cmvn"}, "utterance_level"),
    ("log_mel", {"deltas": 3}, "less than or equal to 2"),
    ("log_mel", {"context": [-1, 2]}, "greater than or equal to 0"),
    ("log_mel", {"stack": 0}, "greater than or equal to 1"),
    ("log_mel", {"n_mfcc": 13}, "Extra inputs"),
    ("spectrogram", {"n_mels": 40}, "Extra inputs"),
    ("spectrogram", {"sample_rate": 8000.5}, "valid integer"),
    ("spectrogram", {"trim": {"threshold": -3}}, "greater than 0"),
]


@pytest.mark.parametrize(("name", "options", "complaint"), WRONG, ids=lambda value: str(value)[:40])
def test_what_cannot_be_is_refused(name: str, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        FEATURES[name].model_validate({"sample_rate": 8000, **options})


@pytest.mark.parametrize("name", FEATURES)
def test_what_is_written_reads_as_it_was(name: str) -> None:
    config = FEATURES[name].model_validate({"sample_rate": 8000, "trim": {}, "context": [1, 2], "high_pass": 60.0})
    assert FEATURES[name].model_validate(config.model_dump(mode="json")) == config
    assert config.model_dump()["name"] == name


@pytest.mark.parametrize("name", FEATURES)
def test_every_key_is_explained(name: str) -> None:
    assert set(FEATURES[name].model_fields) - set(FEATURES[name].descriptions()) == {"name"}

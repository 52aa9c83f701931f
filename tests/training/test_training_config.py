from __future__ import annotations

import pytest
from pydantic import ValidationError

from asrtrain.training import TrainingConfig


def test_the_default_batch_is_written_down_and_reads_back():
    assert TrainingConfig().batch_size == 32
    assert TrainingConfig(batch_size=None).batch_size == 32
    by_length = TrainingConfig(batch_seconds=20.0)
    assert (by_length.batch_size, by_length.batch_seconds) == (None, 20.0)
    for config in (TrainingConfig(), by_length):
        assert TrainingConfig.model_validate(config.model_dump(mode="json")) == config


def test_the_last_step_of_an_epoch_may_accumulate_fewer_batches():
    assert [TrainingConfig(accum_grad=3).steps_per_epoch(batches) for batches in (1, 3, 4, 6)] == [1, 1, 2, 2]


WRONG = [
    ({"batch_size": 4, "batch_seconds": 3.0}, "exclude each other"),
    ({"batch_size": 0}, "greater than 0"),
    ({"max_epochs": 0}, "greater than 0"),
    ({"accum_grad": 0}, "greater than 0"),
    ({"max_epochs": 2.5}, "valid integer"),
    ({"max_epochs": True}, "valid integer"),
    ({"precision": "fp8"}, "'fp32', 'bf16' or 'fp16'"),
    ({"patience": 0}, "greater than 0"),
    ({"ema": 1.0}, "less than 1"),
    ({"l2": -0.1}, "greater than or equal to 0"),
    ({"keep_checkpoints": 0}, "greater than or equal to 1"),
    ({"length_jitter": 1.0}, "less than 1"),
    ({"on_nonfinite": {"loss": "ignore"}}, "'drop_utterance' or 'rollback'"),
    ({"on_nonfinite": {"consecutive": 0}}, "greater than 0"),
    ({"epochs": 3}, "Extra inputs"),
]


@pytest.mark.parametrize(("values", "message"), WRONG)
def test_wrong_settings_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        TrainingConfig.model_validate(values)

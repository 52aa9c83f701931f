"""TensorBoard: for looking, not a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import final

from asrtrain.clipping import layer_of
from asrtrain.optional import optional
from asrtrain.training.durable import make_folder, reporting_failure
from asrtrain.training.records import EpochRecord, StepRecord

_UPDATE = "gradient/update_ratio"
_STEP = {
    "loss": "training/loss",
    "lr": "training/learning_rate",
    "loss_scale": "training/loss_scale",
    "norm_before": "gradient/norm_before",
    "norm_after": "gradient/norm_after",
    "coefficient": "gradient/coefficient",
    "threshold": "gradient/threshold",
    "clipped_share": "gradient/clipped_share",
    "cosine": "gradient/cosine",
    "largest": "gradient/largest",
    "update_ratio": _UPDATE,
}
_EPOCH = {"train_loss": "epoch/train_loss", "dev_loss": "epoch/dev_loss", "dev_metric": "epoch/dev_metric"}


@final
class Board:
    """The folder ``tensorboard``; what an interrupted run drew beyond ``step`` is hidden."""

    def __init__(self, folder: Path, step: int) -> None:
        with optional("tensorboard", "logging to TensorBoard"):
            from torch.utils.tensorboard.writer import SummaryWriter  # only where something is drawn

        self._folder = folder
        make_folder(folder)
        # The suffix makes the name of the file one that nobody can have put a link at.
        with reporting_failure(folder):
            self._writer = SummaryWriter(str(folder), purge_step=step + 1, filename_suffix=f".{token_hex(8)}")

    def draw_steps(self, records: Sequence[StepRecord]) -> None:
        """Draw the newest of some steps, and every measurement of an update among them."""
        for record in records[:-1]:
            if record.update_ratio is not None:
                self._draw({_UPDATE: record.update_ratio}, record.step)
        for newest in records[-1:]:
            drawn = {tag: getattr(newest, name) for name, tag in _STEP.items()}
            drawn |= {f"gradient_estimate/{name}": value for name, value in newest.estimates.items()}
            drawn |= {f"gradient_share/{name}": value for name, value in _by_layer(newest).items()}
            self._draw(drawn, newest.step)

    def draw_epoch(self, record: EpochRecord) -> None:
        """Draw an epoch at its last step."""
        self._draw({tag: getattr(record, name) for name, tag in _EPOCH.items()}, record.step)

    def close(self) -> None:
        """Bring everything to the folder."""
        with reporting_failure(self._folder):
            self._writer.close()

    def _draw(self, values: Mapping[str, float | None], step: int) -> None:
        """All values of a step at once, which is ten times as fast as one by one."""
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]

        drawn = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items() if value is not None]
        with reporting_failure(self._folder):
            self._writer._get_file_writer().add_summary(Summary(value=drawn), step)  # type: ignore[no-untyped-call]


def _by_layer(record: StepRecord) -> dict[str, float]:
    shares: dict[str, float] = {}
    for parameter, share in record.shares.items():
        layer = layer_of(parameter) or parameter
        shares[layer] = shares.get(layer, 0.0) + share
    return shares

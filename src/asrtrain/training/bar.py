"""The progress bar."""

from __future__ import annotations

from typing import final

from tqdm import tqdm

from asrtrain.training.records import StepRecord


@final
class Bar:
    """Steps of all epochs with the time left, the loss, the norm and the clipped share; silent without a terminal."""

    def __init__(self, total_steps: int, done: int) -> None:
        self._bar = tqdm(total=total_steps, initial=done, unit="step", disable=None, dynamic_ncols=True, smoothing=0.05)

    def advance(self) -> None:
        """One more step."""
        self._bar.update()

    def show(self, newest: StepRecord, clipped_share: float, max_epochs: int) -> None:
        """The numbers that were last read, to be shown when the bar is drawn next: ten times a second at most."""
        self._bar.set_description(f"epoch {newest.epoch}/{max_epochs}", refresh=False)
        loss, norm = (format(x, ".3g") if x is not None else "nan" for x in (newest.loss, newest.norm_before))
        self._bar.set_postfix_str(f"loss {loss}, norm {norm}, clipped {100 * clipped_share:.0f} %", refresh=False)

    def close(self) -> None:
        """Leave the last state on the screen."""
        self._bar.close()

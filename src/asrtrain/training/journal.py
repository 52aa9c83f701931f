"""What the loop tells the outside: the log files, the sums over steps, the bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

from asrtrain.training.advice import Advice
from asrtrain.training.bar import Bar
from asrtrain.training.interface import Validation
from asrtrain.training.records import EpochRecord, StepBuffer, StepRecord, finite
from asrtrain.training.report import StepReport
from asrtrain.training.run_log import RunLog, cut_logs, read_steps
from asrtrain.training.summary import Summary


@final
class Journal:
    """Keeps reports of steps until they are due, then writes, sums and shows them.

    ``sizes`` are those of the log files when the checkpoint was saved that is continued from at ``step``;
    ``parameters`` are the names of the model's.
    """

    def __init__(
        self,
        run: Path,
        sizes: Mapping[str, int] | None,
        step: int,
        all_steps: int,
        max_epochs: int,
        *,
        parameters: Sequence[str],
        advice: Advice,
    ) -> None:
        self._buffer, self._summary, self._advice = StepBuffer(), Summary(), advice
        self._max_epochs = max_epochs
        cut_logs(run, sizes)
        for record in read_steps(run):
            self._summary.add(record)
            self._advice.add(record)
        self._advice.news()  # was told before the restart
        self._log = RunLog(run, step, parameters)
        self._bar = Bar(all_steps, step)

    def note(self, step: int, epoch: int, report: StepReport) -> None:
        """Take a step's report; nothing waits for the device."""
        self._buffer.add(step, epoch, report)
        self._bar.advance()

    def flush(self) -> list[tuple[StepRecord, StepReport]]:
        """Read the numbers from the device and write them; returns steps that were taken and prove to be faulty."""
        drained = self._buffer.drain()
        for record, _ in drained:
            self._summary.add(record)
            self._advice.add(record)
        self._log.write_steps([record for record, _ in drained])
        if news := self._advice.news():
            self.say(news)
        if drained:
            self._bar.show(drained[-1][0], self._summary.clipped_share, self._max_epochs)
        return [(record, report) for record, report in drained if record.stepped and record.reason]

    def write_epoch(self, epoch: int, step: int, validation: Validation, *, best_by: str, seconds: float) -> None:
        """An epoch's figures, for machines and in a line for people; ``best_by`` is what makes it the best, if so."""
        sums = self._summary
        record = EpochRecord(
            step=step,
            epoch=epoch,
            train_loss=finite(sums.epoch_loss),
            dev_loss=finite(validation.loss),
            dev_metric=finite(validation.metric),
            metric=validation.metric_name,
            best=bool(best_by),
            steps=sums.epoch_steps,
            clipped_steps=sums.epoch_clipped,
            skipped_steps=sums.epoch_skipped,
        )
        self._log.write_epoch(record)
        skipped = f"  skipped {sums.epoch_skipped}" if sums.epoch_skipped else ""
        self.say(
            f"epoch {epoch}/{self._max_epochs}  step {step}  loss {sums.epoch_loss:.4f}  {in_words(validation)}"
            f"{chosen_in_words(best_by)}  {sums.epoch_clipping()}{skipped}  {seconds:.1f} s"
        )

    def say(self, text: str) -> None:
        """A line for people."""
        self._log.say(text)

    def write_down(self, text: str) -> None:
        """A line for people in the log alone."""
        self._log.write_down(text)

    def clipping(self) -> str:
        """The whole run's clipping in words."""
        return "; ".join(filter(None, (self._summary.sentence(), self._advice.summary())))

    def sync(self) -> dict[str, int]:
        """Bring all that was written to the disk; returns the log files' sizes."""
        return self._log.sync()

    def close(self) -> None:
        """Close the bar and the files."""
        self._bar.close()
        self._log.close()


def in_words(validation: Validation) -> str:
    """``dev loss 0.1234  accuracy 0.9870``."""
    return f"dev loss {validation.loss:.4f}  {validation.metric_name} {validation.metric:.4f}"


def chosen_in_words(best_by: str) -> str:
    """`` (best by wer)`` behind the figures of the best epoch so far, else nothing."""
    return f" (best by {best_by})" if best_by else ""


def epochs_in_words(count: int) -> str:
    """``1 epoch``, ``2 epochs``."""
    return f"{count} epoch" if count == 1 else f"{count} epochs"


def clipping_in_words(run: Path) -> str:
    """The closing sentence about a run's clipping, from its log as far as it goes. Raises CheckpointError."""
    summary = Summary()
    for record in read_steps(run):
        summary.add(record)
    return summary.sentence()

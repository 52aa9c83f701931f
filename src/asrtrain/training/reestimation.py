"""The training of models that are re-estimated, not descended: pass → validate → log → checkpoint → stop.

A pass over the training data counts as an epoch; run folders are the same as those of the training loop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import torch

from asrtrain.errors import CheckpointError, Interrupted
from asrtrain.features.interface import FrontEnd
from asrtrain.files.sealed import seal
from asrtrain.recogniser import Recogniser
from asrtrain.training.averaging import Weights
from asrtrain.training.checkpoint import with_front_end, without_front_end
from asrtrain.training.config import TrainingConfig
from asrtrain.training.durable import reporting_failure, write_file
from asrtrain.training.environment import describe_environment
from asrtrain.training.interface import Outcome, StoppedBy, Validation
from asrtrain.training.journal import chosen_in_words, epochs_in_words, in_words
from asrtrain.training.records import EpochRecord, finite
from asrtrain.training.run_log import RunLog, cut_logs, failure_written_down
from asrtrain.training.selection import judge_epoch, judged
from asrtrain.training.signals import StopRequest, listening
from asrtrain.training.state import Progress
from asrtrain.training.store import CheckpointStore


@final
@dataclass(frozen=True, slots=True)
class Reestimation:
    """What re-estimation needs: ``run_pass`` takes the number of a pass (from 0), replaces the model's parameters and
    returns the log-likelihood of a frame before it; NaN where there was no model yet. All that the next pass needs lies
    in the model's buffers. ``states`` says how many the model has.
    """

    front_end: FrontEnd
    model: Recogniser
    run_pass: Callable[[int], float]
    states: Callable[[], int]
    validate: Callable[[Recogniser], Validation]


def reestimate(
    parts: Reestimation,
    config: TrainingConfig,
    run: Path,
    *,
    device: torch.device,
    metadata: Mapping[str, Any],
    said: Sequence[str] = (),
) -> Outcome:
    """Train, from the beginning or from the newest whole checkpoint in the folder ``run``.

    The caller holds the folder. The log begins with what was ``said`` on the terminal before. Raises TrainingError,
    CheckpointError, Interrupted (between two passes; all is saved).
    """
    with reporting_failure(run):
        run.mkdir(parents=True, exist_ok=True)
    with listening() as stop:
        training = _Reestimating(parts, config, run, metadata=metadata, stop=stop)
        with closing(training.begin(device)) as log, failure_written_down(log):
            for text in said:
                log.write_down(text)
            return training.run()


@final
class _Reestimating:
    """One run, from beginning or resumption to its end."""

    def __init__(
        self, parts: Reestimation, config: TrainingConfig, run: Path, *, metadata: Mapping[str, Any], stop: StopRequest
    ) -> None:
        self._parts, self._config, self._run = parts, config, run
        self._metadata, self._stop = metadata, stop
        self._store = CheckpointStore(run, config.keep_checkpoints)
        self._progress = Progress()

    def begin(self, device: torch.device) -> RunLog:
        """Begin afresh, or take up the newest whole checkpoint, and open the log."""
        notices: list[str] = []
        saved = self._store.newest(notices.append, self._metadata)
        self._store.clear_leftovers()
        if saved is None:
            write_file(self._run / "environment.json", seal(describe_environment(device), indent=1).encode())
            cut_logs(self._run, None)
        else:
            cut_logs(self._run, self._restore(*saved))
            notices.append(f"continuing at epoch {self._progress.epoch + 1}")
        self._log = RunLog(self._run, self._progress.epoch, [])
        for notice in notices:
            self._log.say(notice)
        return self._log

    def _restore(self, weights: Weights, state: Mapping[str, Any]) -> dict[str, int]:
        """Take a checkpoint back; returns the sizes of the log files. Raises CheckpointError if it does not fit."""
        try:
            own, measured = without_front_end(weights)
            self._parts.model.load_state_dict(own)
            self._parts.front_end.load_state_dict(measured)
            self._progress = Progress.from_plain(state["progress"])
            sizes = {name: int(size) for name, size in state["logs"].items()}
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"the saved training state does not fit this configuration: {error}. Continue with the configuration "
                "that the run began with, or begin a new run"
            ) from error
        best = self._progress.best
        self._store.name_best(best.epoch if best else None)
        return sizes

    def run(self) -> Outcome:
        """Pass after pass, until there is a reason to stop."""
        while (reason := self._reason_to_stop()) is None:
            began = time.monotonic()
            log_likelihood = self._parts.run_pass(self._progress.epoch)
            self._finish_pass(log_likelihood, began)
            if self._stop.signal is not None:
                where = f"saved after epoch {self._progress.epoch}"
                raise Interrupted(f"{self._stop.signal}: {where}; run the same command again to continue")
        self._log.say(f"stopped by {reason} after {epochs_in_words(self._progress.epoch)}")
        best = self._progress.best
        return Outcome(
            epochs=self._progress.epoch,
            steps=self._progress.epoch,
            best=best.validation if best else None,
            best_epoch=best.epoch if best else None,
            stopped_by=reason,
            clipping="re-estimated: no gradients to clip",
            chosen_by=best.validation.decided_by(self._config.best_by) if best else None,
        )

    def _reason_to_stop(self) -> StoppedBy | None:
        return "max_epochs" if self._progress.epoch >= self._config.max_epochs else None

    @torch.no_grad()
    def _finish_pass(self, log_likelihood: float, began: float) -> None:
        """Validate, judge, keep what is worth it, log, save."""
        progress = self._progress
        validation = self._parts.validate(self._parts.model.eval())
        progress.end_epoch()
        best = judge_epoch(progress, validation, self._config)
        weights = with_front_end(self._parts.model.state_dict(), self._parts.front_end)
        described, by = {**self._metadata, "epoch": progress.epoch, "step": progress.epoch}, self._config.best_by
        best_by = validation.decided_by(by) if best else ""
        if best:
            self._store.save_epoch(progress.epoch, weights, {**described, **judged(validation, by)})
            self._store.name_best(progress.epoch)
        self._write(log_likelihood, validation, best_by=best_by, seconds=time.monotonic() - began)
        state = {"progress": asdict(progress), "logs": self._log.sync()}
        self._store.save(progress.epoch, progress.epoch, weights, state, {**described, **judged(None, by)})

    def _write(self, log_likelihood: float, validation: Validation, *, best_by: str, seconds: float) -> None:
        epoch = self._progress.epoch
        record = EpochRecord(
            step=epoch,
            epoch=epoch,
            train_loss=finite(-log_likelihood),
            dev_loss=finite(validation.loss),
            dev_metric=finite(validation.metric),
            metric=validation.metric_name,
            best=bool(best_by),
            steps=1,
            clipped_steps=0,
            skipped_steps=0,
        )
        self._log.write_epoch(record)
        heard = f"{self._parts.states()} states"
        if not math.isnan(log_likelihood):
            heard += f"  log-likelihood of a frame {log_likelihood:.4f}"
        self._log.say(
            f"epoch {epoch}/{self._config.max_epochs}  {heard}  {in_words(validation)}{chosen_in_words(best_by)}  "
            f"{seconds:.1f} s"
        )

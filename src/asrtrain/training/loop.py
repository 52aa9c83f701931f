"""The training loop, as a story: epochs → batches → step → log → validate → checkpoint → stop."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, final

import torch

from asrtrain.batching import counter_seed
from asrtrain.errors import CheckpointError, Interrupted
from asrtrain.training.averaging import Weights, using
from asrtrain.training.checkpoint import with_front_end, without_front_end
from asrtrain.training.config import TrainingConfig
from asrtrain.training.durable import reporting_failure, write_file
from asrtrain.training.environment import describe_environment
from asrtrain.training.interface import Ingredients, Outcome, StoppedBy, Validation
from asrtrain.training.journal import Journal, in_words
from asrtrain.training.lock import exclusive
from asrtrain.training.nonfinite import NonFinitePolicy
from asrtrain.training.selection import judge_epoch
from asrtrain.training.signals import StopRequest, listening
from asrtrain.training.state import Progress, TrainState
from asrtrain.training.step import Reason, StepReport, Updater
from asrtrain.training.store import CheckpointStore, has_checkpoint
from asrtrain.types import Batch


def train(
    ingredients: Ingredients,
    config: TrainingConfig,
    run: Path,
    *,
    seed: int,
    device: torch.device,
    metadata: Mapping[str, Any],
    resume: bool = True,
) -> Outcome:
    """Train, from the beginning or from the newest whole checkpoint in the folder ``run``.

    ``metadata`` (of JSON's types) goes into every file of weights. The same ingredients and seed give bit-identical
    weights on the CPU, interrupted or not. Raises TrainingError, CheckpointError, Interrupted (all is saved), and
    UsageError if another process trains there.
    """
    with reporting_failure(run):
        run.mkdir(parents=True, exist_ok=True)
    with exclusive(run), listening() as stop:
        training = _Training(ingredients, config, run, device, metadata=metadata, stop=stop)
        with closing(training.begin(seed, resume=resume)):
            return training.run()


@final
class _Training:
    """One run, from beginning or resumption to its end."""

    def __init__(
        self,
        ingredients: Ingredients,
        config: TrainingConfig,
        run: Path,
        device: torch.device,
        *,
        metadata: Mapping[str, Any],
        stop: StopRequest,
    ) -> None:
        self._parts, self._config, self._run, self._device = ingredients, config, run, device
        self._metadata, self._stop = metadata, stop
        self._notices: list[str] = []
        self._steps_per_epoch = config.steps_per_epoch(ingredients.batches.batches_per_epoch)
        self._policy = NonFinitePolicy(config.on_nonfinite, self._steps_per_epoch)
        # An exact skip needs the answer before the step is taken; on the CPU there is nothing to wait for.
        decides = self._policy.may_skip or device.type == "cpu"
        self._update = Updater(ingredients, config, device, decides=decides)
        self._state = TrainState(ingredients, self._update, device)
        self._store = CheckpointStore(run, config.keep_checkpoints)

    @property
    def _progress(self) -> Progress:
        return self._state.progress

    def begin(self, seed: int, *, resume: bool) -> Journal:
        """Begin afresh, or take up the newest whole checkpoint, and open the journal."""
        if not resume and has_checkpoint(self._run):
            raise CheckpointError(f"{self._run} holds a run already: continue it, or choose another folder")
        saved = self._store.newest(self._notices.append)
        self._store.clear_leftovers()
        if saved is None:
            # Dropout and its like draw from torch's generator, whatever building the model has drawn before.
            torch.manual_seed(counter_seed(seed))
            environment = json.dumps(describe_environment(self._device), indent=1) + "\n"
            write_file(self._run / "environment.json", environment.encode())
        else:
            self._state.restore(*saved)
            best = self._progress.best
            self._store.name_best(best.epoch if best else None)
            self._notices.append(f"continuing at epoch {self._progress.epoch + 1}, step {self._progress.step}")
        all_steps = min(self._steps_per_epoch * self._config.max_epochs, self._config.max_steps or 1 << 62)
        self._journal = Journal(
            self._run, self._state.log_sizes, self._progress.step, all_steps, self._config.max_epochs
        )
        return self._journal

    def run(self) -> Outcome:
        """Epoch after epoch, until there is a reason to stop."""
        for notice in self._notices:
            self._journal.say(notice)
        while (reason := self._reason_to_stop()) is None:
            began = time.monotonic()
            self._train_epoch()
            self._finish_epoch(began)
            self._leave_if_asked()
        return self._finish(reason)

    def _reason_to_stop(self) -> StoppedBy | None:
        config = self._config
        if config.max_steps is not None and self._update.steps_taken >= config.max_steps:
            return "max_steps"
        if config.patience is not None and self._progress.stale_epochs >= config.patience:
            return "patience"
        return "max_epochs" if self._progress.epoch >= config.max_epochs else None

    def _train_epoch(self) -> None:
        """What is left of the epoch, window after window of batches."""
        progress = self._progress
        self._parts.model.train()
        batches = self._parts.batches.epoch(progress.epoch, progress.batch)
        for window in _windows(batches, self._config.accum_grad):
            report = self._update(window)
            progress.step += 1
            progress.batch += len(window)
            self._note(report)
            self._leave_if_asked()
            if self._reason_to_stop() == "max_steps":
                return
            if self._checkpoint_is_due():
                self._save()

    def _note(self, report: StepReport) -> None:
        """Put the step into the log, and answer what was wrong with it."""
        progress = self._progress
        self._journal.note(progress.step, progress.epoch + 1, report)
        if report.reason or progress.step % self._config.log_interval == 0:
            self._flush()
        self._answer(report.reason, report, progress.step)

    def _flush(self) -> None:
        for record, report in self._journal.flush():
            self._answer(record.reason, report, record.step)

    def _answer(self, reason: Reason, report: StepReport, step: int) -> None:
        where = f"step {step} (epoch {self._progress.epoch + 1})"
        self._policy.answer(reason, report, self._progress.skips, where)

    def _checkpoint_is_due(self) -> bool:
        """Inside epochs only: at their end there is one anyway, once the epoch has been judged."""
        interval, progress = self._config.checkpoint_interval, self._progress
        inside = progress.batch < self._parts.batches.batches_per_epoch
        return interval is not None and inside and progress.step % interval == 0

    def _leave_if_asked(self) -> None:
        if self._stop.signal is not None:
            self._save()
            where = f"epoch {self._progress.epoch + 1}, step {self._progress.step}"
            raise Interrupted(f"{self._stop.signal}: saved at {where}; run the same command again to continue")

    def _finish_epoch(self, began: float) -> None:
        """Validate, judge, keep what is worth it, log, save."""
        self._flush()
        weights = self._state.kept_weights()
        validation = self._validate(weights)
        self._parts.schedule.observe(validation.loss)
        progress = self._progress
        progress.end_epoch()
        best = judge_epoch(progress, validation, self._config)
        if best or any(kept.epoch == progress.epoch for kept in progress.kept):
            self._store.save_epoch(progress.epoch, self._complete(weights), self._described(validation))
        if best:
            self._store.name_best(progress.epoch)
        seconds = time.monotonic() - began
        self._journal.write_epoch(progress.epoch, progress.step, validation, best=best, seconds=seconds)
        self._save()

    @torch.no_grad()
    def _validate(self, weights: Weights) -> Validation:
        self._parts.model.eval()
        with using(self._parts.model, weights):
            return self._parts.validate(self._parts.model)

    def _save(self) -> None:
        self._flush()
        self._state.log_sizes = self._journal.sync()
        weights, place = self._complete(self._state.weights()), (self._progress.epoch, self._progress.step)
        self._store.save(*place, weights, self._state.state(), self._described(None))

    def _complete(self, weights: Weights) -> Weights:
        return with_front_end(weights, self._parts.front_end)

    def _described(self, validation: Validation | None) -> dict[str, Any]:
        place = {"epoch": self._progress.epoch, "step": self._progress.step}
        return {**self._metadata, **place, "development": None if validation is None else asdict(validation)}

    def _finish(self, reason: StoppedBy) -> Outcome:
        """Average, and say how it went."""
        progress = self._progress
        if progress.kept:
            epochs = sorted(kept.epoch for kept in progress.kept)
            weights = self._store.average(epochs)
            validation = self._validate(without_front_end(weights)[0])
            self._store.save_average(progress.epoch, weights, self._described(validation))
            self._journal.say(f"average of epochs {', '.join(map(str, epochs))}  {in_words(validation)}")
        clipping = self._journal.clipping()
        self._journal.say(f"stopped by {reason} after {progress.epoch} epochs; {clipping}")
        best = progress.best
        return Outcome(
            epochs=progress.epoch,
            steps=self._update.steps_taken,
            best=best.validation if best else None,
            best_epoch=best.epoch if best else None,
            stopped_by=reason,
            clipping=clipping,
        )


def _windows(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """``size`` batches at a time; the last window may be shorter."""
    window: list[Batch] = []
    for batch in batches:
        window.append(batch)
        if len(window) == size:
            yield window
            window = []
    if window:
        yield window

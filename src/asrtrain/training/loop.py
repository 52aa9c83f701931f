"""The training loop, as a story: epochs → batches → step → log → validate → checkpoint → stop."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import torch

from asrtrain.batching import Prefetched, counter_seed, windows
from asrtrain.errors import CheckpointError, Interrupted
from asrtrain.files.sealed import seal
from asrtrain.optim.interface import steps_of_run
from asrtrain.training.advice import Advice
from asrtrain.training.averaging import Weights
from asrtrain.training.candidate import Candidates
from asrtrain.training.checkpoint import with_front_end, without_front_end
from asrtrain.training.config import Reaction, TrainingConfig
from asrtrain.training.durable import reporting_failure, write_file
from asrtrain.training.environment import describe_environment
from asrtrain.training.interface import Ingredients, Outcome, StoppedBy, Validation
from asrtrain.training.journal import Journal, epochs_in_words, in_words
from asrtrain.training.nonfinite import FaultLog, NonFinitePolicy, describe
from asrtrain.training.plan import Plan
from asrtrain.training.report import Fault, StepReport, fault_kind
from asrtrain.training.run_log import failure_written_down
from asrtrain.training.selection import judge_epoch, judged
from asrtrain.training.sharding import shard
from asrtrain.training.signals import StopRequest, listening
from asrtrain.training.silence import Silence
from asrtrain.training.state import Progress, TrainState
from asrtrain.training.step import Updater
from asrtrain.training.store import CheckpointStore, has_checkpoint
from asrtrain.training.world import DIFFERENT, World

_ONE_REQUEST = 3.0
"""Seconds within which several signals to several processes are one request to stop."""

_ANSWERS: dict[Reaction, str] = {
    "abort": "the run ends",
    "skip": "no step is taken",
    "drop_utterance": "the step is taken without them",
    "rollback": "no step is taken, and the weights are those set aside before",
}


def train(
    ingredients: Ingredients,
    config: TrainingConfig,
    run: Path,
    *,
    seed: int,
    device: torch.device,
    metadata: Mapping[str, Any],
    resume: bool = True,
    world: World | None = None,
    said: Sequence[str] = (),
) -> Outcome:
    """Train, from the beginning or from the newest whole checkpoint in the folder ``run``.

    ``metadata`` (of JSON's types) goes into every file of weights. The same ingredients and seed give bit-identical
    weights on the CPU, interrupted or not. All processes of a ``world`` call this with equal ingredients, whose batches
    are their parts, and with one folder that all can read and the caller holds; the first writes. The log begins with
    what was ``said`` on the terminal before. Raises TrainingError, CheckpointError, Interrupted (all is saved).
    """
    world = world or World()
    with reporting_failure(run):
        run.mkdir(parents=True, exist_ok=True)
    with listening(_ONE_REQUEST if world.size > 1 else 0.0) as stop, world.needed():
        training = _Training(ingredients, config, run, device, metadata=metadata, stop=stop, world=world)
        with closing(training.begin(seed, resume=resume)) as journal, failure_written_down(journal):
            for text in said:
                journal.write_down(text)
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
        world: World,
    ) -> None:
        if config.sharding == "full" and world.size > 1:
            sharding = shard(ingredients.model, ingredients.optimizer, device, world)
            ingredients = replace(ingredients, sharding=sharding)
        self._sharded = ingredients.sharding is not None
        self._parts, self._config, self._run, self._device = ingredients, config, run, device
        self._metadata, self._stop, self._world = metadata, stop, world
        self._notices: list[str] = []
        self._steps_per_epoch = config.steps_per_epoch(ingredients.batches.batches_per_epoch)
        steps = steps_of_run(self._steps_per_epoch, config.max_epochs, config.max_steps)
        self._plan = Plan(ingredients.schedule, steps)
        policy = config.on_nonfinite
        # Whoever survives a fault must know of it before the step is taken; on the CPU there is nothing to wait for.
        decides = not (policy.loss == policy.gradient == "abort") or device.type == "cpu"
        self._update = Updater(ingredients, config, device, decides=decides, world=world)
        rolls_back = policy.chosen("rollback")
        self._state = TrainState(ingredients, self._update, device, world=world, rolls_back=rolls_back)
        self._store = CheckpointStore(run, config.keep_checkpoints)
        self._candidates = Candidates(ingredients, device, world)

    @property
    def _progress(self) -> Progress:
        return self._state.progress

    def begin(self, seed: int, *, resume: bool) -> Journal | Silence:
        """Begin afresh, or take up the newest whole checkpoint, and open the journal."""
        if not resume and has_checkpoint(self._run):
            raise CheckpointError(f"{self._run} holds a run already: continue it, or choose another folder")
        # Dropout and its like draw from torch's generator, whatever building the model has drawn before.
        torch.manual_seed(counter_seed(seed, *([self._world.rank] if self._world.rank else [])))
        with self._world.leader_first():
            begun_with = self._take_up()
        self._world.check_same(begun_with, DIFFERENT)
        config, progress = self._config, self._progress
        faults = FaultLog(self._run, progress.step, writes=self._world.leads)
        self._policy = NonFinitePolicy(config.on_nonfinite, self._steps_per_epoch, faults)
        self._journal: Journal | Silence = Silence()
        if self._world.leads:
            sizes, names = self._state.log_sizes, [name for name, _ in self._parts.model.named_parameters()]
            advice = Advice(self._parts.optimizer, self._parts.clipper.names)
            self._journal = Journal(
                self._run, sizes, progress.step, self._plan.steps, config.max_epochs, parameters=names, advice=advice
            )
        return self._journal

    def _take_up(self) -> Weights:
        """The newest whole checkpoint, or the beginning; returns the weights, whole as far as they are known here."""
        saved = self._store.newest(self._notices.append, self._metadata, repairs=self._world.leads)
        if self._world.leads:
            self._store.clear_leftovers()
        if saved is not None:
            self._state.restore(*saved)
            self._notices.append(f"continuing at epoch {self._progress.epoch + 1}, step {self._progress.step}")
            self._notices.append(self._plan.when_resumed(saved[1].get("plan"), self._update.steps_taken))
        else:
            self._notices.append(self._plan.at_start())
            self._state.set_aside()
        if self._world.leads and saved is None:
            environment = seal(describe_environment(self._device, self._world.size), indent=1)
            write_file(self._run / "environment.json", environment.encode())
        elif self._world.leads:
            best = self._progress.best
            self._store.name_best(best.epoch if best else None)
        if saved is not None:
            return saved[0]
        # Shards differ, and were compared before they were cut.
        return self._complete({} if self._sharded else self._state.weights())

    def run(self) -> Outcome:
        """Epoch after epoch, until there is a reason to stop."""
        for fault in self._config.inject:
            self._notices.append(f"this run has a fault planted on purpose, at step {fault.step}: {fault}")
        for notice in filter(None, self._notices):
            self._journal.say(notice)
        while (reason := self._reason_to_stop()) is None:
            began = time.monotonic()
            self._train_epoch()
            self._finish_epoch(began)
            self._leave_if(self._world.any(self._is_asked()))
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
        ahead = Prefetched(windows(batches, self._config.accum_grad))
        for window in ahead:
            asked = self._world.soon(self._is_asked)
            report = self._update(window, step=progress.step + 1, epoch=progress.epoch + 1, meanwhile=ahead.prepare)
            progress.step += 1
            progress.batch += len(window)
            self._note(report)
            if progress.step % self._config.on_nonfinite.rollback_interval == 0:
                self._state.set_aside()
            self._leave_if(asked())
            if self._reason_to_stop() == "max_steps":
                return
            if self._checkpoint_is_due():
                self._state.set_aside()
                self._save()

    def _note(self, report: StepReport) -> None:
        """Put the step into the log, and answer what was wrong with it."""
        progress = self._progress
        self._journal.note(progress.step, progress.epoch + 1, report)
        for said in (*(f"planted on purpose: {fault}" for fault in report.planted), report.explanation):
            if said:
                self._journal.say(f"step {progress.step}: {said}")
        if report.reason or report.fault or progress.step % self._config.log_interval == 0:
            self._flush()
        if report.fault is not None:
            self._answer(report.fault, report, progress.step)
        elif not report.reason:
            progress.faults.in_a_row = 0

    def _flush(self) -> None:
        for record, report in self._journal.flush():
            if kind := fault_kind(record.reason):
                self._answer(report.late_fault(kind), report, record.step)

    def _answer(self, fault: Fault, report: StepReport, step: int) -> None:
        """Do what was declared to be done about a faulty step."""
        progress = self._progress
        record = self._policy.answer(fault, report.dropped, progress.faults, step, progress.epoch + 1)
        if record.reaction == "rollback":
            self._state.go_back()
        self._journal.say(f"{describe(record)}; {_ANSWERS[record.reaction]}")

    def _checkpoint_is_due(self) -> bool:
        """Inside epochs only: at their end there is one anyway, once the epoch has been judged."""
        interval, progress = self._config.checkpoint_interval, self._progress
        inside = progress.batch < self._parts.batches.batches_per_epoch
        return interval is not None and inside and progress.step % interval == 0

    def _is_asked(self) -> bool:
        return self._stop.signal is not None

    def _leave_if(self, asked: bool) -> None:
        if asked:
            self._save()
            where = f"epoch {self._progress.epoch + 1}, step {self._progress.step}"
            by = self._stop.signal or "stopped by another process"
            raise Interrupted(f"{by}: saved at {where}; run the same command again to continue")

    def _finish_epoch(self, began: float) -> None:
        """Validate, judge, keep what is worth it, log, save."""
        self._flush()
        averaged = self._update.average is not None
        weights = self._candidates.complete(self._state.kept_weights(), self._progress.epoch, averaged=averaged)
        validation = self._candidates.validated(weights)
        self._parts.schedule.observe(validation.loss)
        progress = self._progress
        progress.end_epoch()
        best = judge_epoch(progress, validation, self._config)
        self._keep_epoch(weights, validation, best=best)
        best_by, seconds = self._decided_by(validation) if best else "", time.monotonic() - began
        self._journal.write_epoch(progress.epoch, progress.step, validation, best_by=best_by, seconds=seconds)
        self._state.set_aside()
        self._save()

    def _keep_epoch(self, weights: Weights, validation: Validation, *, best: bool) -> None:
        progress = self._progress
        if best or any(kept.epoch == progress.epoch for kept in progress.kept):
            whole = self._complete(weights)
            if self._world.leads:
                self._store.save_epoch(progress.epoch, whole, self._described(validation))
        if best and self._world.leads:
            self._store.name_best(progress.epoch)

    def _save(self) -> None:
        self._flush()
        self._state.log_sizes = self._journal.sync()
        weights, place = self._complete(self._state.weights()), (self._progress.epoch, self._progress.step)
        state = {**self._state.state(), "plan": self._plan.state(self._update.steps_taken)}
        if self._world.leads:
            self._store.save(*place, weights, state, self._described(None))

    def _complete(self, weights: Weights) -> Weights:
        return with_front_end(self._state.whole(weights), self._parts.front_end)

    def _described(self, validation: Validation | None) -> dict[str, Any]:
        place = {"epoch": self._progress.epoch, "step": self._progress.step}
        return {**self._metadata, **place, **judged(validation, self._config.best_by)}

    def _decided_by(self, validation: Validation) -> str:
        return validation.decided_by(self._config.best_by)

    def _finish(self, reason: StoppedBy) -> Outcome:
        """Average, and say how it went. All read what the first wrote before they last asked who was to stop."""
        progress = self._progress
        if progress.kept:
            epochs = sorted(kept.epoch for kept in progress.kept)
            mean = self._state.held(without_front_end(self._store.average(epochs))[0])
            weights = self._candidates.complete(mean, progress.epoch - 1, averaged=True)
            validation, whole = self._candidates.measured(weights), self._complete(weights)
            if self._world.leads:
                self._store.save_average(progress.epoch, whole, self._described(validation))
            self._journal.say(f"average of epochs {', '.join(map(str, epochs))}  {in_words(validation)}")
        clipping = self._journal.clipping()
        self._journal.say(f"stopped by {reason} after {epochs_in_words(progress.epoch)}; {clipping}")
        best = progress.best
        return Outcome(
            epochs=progress.epoch,
            steps=self._update.steps_taken,
            best=best.validation if best else None,
            best_epoch=best.epoch if best else None,
            stopped_by=reason,
            clipping=clipping,
            chosen_by=self._decided_by(best.validation) if best else None,
        )

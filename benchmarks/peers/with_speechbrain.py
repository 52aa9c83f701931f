"""SpeechBrain as its templates show it: a Brain with MFCC and InputNormalization on the fly, a DynamicItemDataset."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any, final

import torch
from job import Job, Split
from networks import CLASSES, FEATURES, STACK, DigitNet
from scoring import Errors, loss_of
from speechbrain import Brain, Stage
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.dataio.dataio import read_audio
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.lobes.features import MFCC
from speechbrain.nnet.linear import Linear
from speechbrain.nnet.RNN import LSTM
from speechbrain.processing.features import InputNormalization
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.data_pipeline import provides, takes
from speechbrain.utils.epoch_loop import EpochCounter
from speechbrain.utils.seed import seed_everything


@final
class Features(torch.nn.Module):
    """Waveforms (B, S) and their share of the longest (B,) to features (B, T, 39), or (B, T / 3, 117) of strings."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.strings = job.strings
        self.mfcc = MFCC(context=False, sample_rate=8000, n_fft=256, n_mels=40, n_mfcc=13)
        self.normalise = InputNormalization(norm_type="sentence")

    def forward(self, waveforms: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.normalise(self.mfcc(waveforms), shares)
        if not self.strings:
            return features
        frames = features.shape[1] // STACK
        return features[:, : frames * STACK].reshape(len(features), frames, -1)


@final
class StringNet(torch.nn.Module):
    """SpeechBrain's own layers."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.lstm = LSTM(128, input_size=STACK * FEATURES, bidirectional=True)
        self.dropout = torch.nn.Dropout(dropout)
        self.linear = Linear(CLASSES + 1, input_size=256)

    def forward(self, features: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.linear(self.dropout(self.lstm(features, lengths=shares)[0]))
        return scores


@final
class Recogniser(Brain):
    job: Job
    errors: Errors
    steps = 0

    def compute_forward(self, batch: PaddedBatch, stage: Stage) -> torch.Tensor:
        signal, shares = batch.to(self.device).signal
        features = signal if self.job.levers else self.modules.features(signal, shares)
        lengths = shares if self.job.strings else (shares * features.shape[1]).round().long()
        scores: torch.Tensor = self.modules.network(features, lengths)
        return scores

    def compute_objectives(self, predictions: torch.Tensor, batch: PaddedBatch, stage: Stage) -> torch.Tensor:
        (symbols, portions), shares = batch.symbols, batch.signal.lengths
        frames = predictions.shape[1] if self.job.strings else 1
        lengths, count = (shares * frames).round().long(), (portions * symbols.shape[1]).round().long()
        if stage != Stage.TRAIN:
            self.errors.add(predictions, lengths, symbols, count)
        return loss_of(self.job, predictions, lengths, symbols, count)

    def on_fit_batch_start(self, batch: PaddedBatch, should_step: bool) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.job.lr * self.job.rate(self.steps)
        self.steps += 1

    def on_stage_end(self, stage: Stage, stage_loss: float, epoch: int | None = None) -> None:
        if stage == Stage.VALID:
            metric = self.errors.metric()
            self.checkpointer.save_and_keep_only(meta={"metric": metric}, max_keys=["metric"])
            self.job.tell(epoch or 0, metric)


def dataset(job: Job, split: Split, features: Features) -> DynamicItemDataset:
    """Recordings and symbols, made whenever they are asked for; with levers, features that were made once."""

    @takes("path")
    @provides("signal")
    def signal(path: str) -> torch.Tensor:
        return kept[path] if job.levers else read_audio(path)

    @takes("text")
    @provides("symbols")
    def symbols(text: str) -> torch.Tensor:
        return torch.tensor(job.encode(text))

    recordings, kept = job.recordings(split), dict[str, torch.Tensor]()
    if job.levers:
        with torch.no_grad():
            kept = {path: features(read_audio(path)[None], torch.ones(1))[0] for path, _ in recordings}
    rows = {
        str(i): {"path": path, "text": text, "length": len(kept.get(path, ()))}
        for i, (path, text) in enumerate(recordings)
    }
    return DynamicItemDataset(rows, [signal, symbols], ["id", "signal", "symbols"])


def main() -> None:
    logging.getLogger("speechbrain").setLevel(logging.WARNING)
    job = Job.given()
    seed_everything(job.seed, verbose=False)  # else its batches come in the same order whatever the seed
    features = Features(job)
    network = StringNet(job.dropout) if job.strings else DigitNet(job.dropout)
    counter = EpochCounter(job.epochs)
    recogniser = Recogniser(
        modules={"features": features, "network": network},
        opt_class=partial(torch.optim.AdamW, lr=job.lr, weight_decay=job.weight_decay, fused=job.levers or None),
        run_opts={"device": "cpu", "max_grad_norm": job.clip, "precision": job.precision, "noprogressbar": job.levers},
        checkpointer=Checkpointer(Path(job.folder) / "save", {"network": network, "counter": counter}),
    )
    recogniser.job, recogniser.errors = job, Errors(job)
    train, test = (dataset(job, split, features) for split in ("train", "test"))
    settings: dict[str, Any] = {"batch_size": job.batch_size, "shuffle": True}
    if job.levers:
        sampler = DynamicBatchSampler(
            train,
            1_000_000,
            num_buckets=20,
            length_func=lambda row: row["length"],
            max_batch_ex=job.batch_size,
            seed=job.seed,
        )
        settings = {"batch_sampler": sampler}
    recogniser.fit(counter, train, test, train_loader_kwargs=settings, valid_loader_kwargs={"batch_size": 32})


if __name__ == "__main__":
    main()

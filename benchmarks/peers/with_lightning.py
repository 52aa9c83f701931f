"""Lightning as its documentation shows it: a LightningModule, a DataLoader, ``Trainer.fit``."""

from __future__ import annotations

from functools import partial
from typing import Any, final

import lightning
import torch
from job import Job
from scoring import Errors, loss_of
from torch.utils.data import DataLoader

from features import Batch, BatchesOfSimilarLength, Recordings, padded


@final
class Recogniser(lightning.LightningModule):
    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job, self.network, self.errors = job, job.network(), Errors(job)

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        features, lengths, symbols, count = batch
        loss = loss_of(self.job, self.network(features, lengths), lengths, symbols, count)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, index: int) -> None:
        features, lengths, symbols, count = batch
        self.errors.add(self.network(features, lengths), lengths, symbols, count)

    def on_validation_epoch_end(self) -> None:
        metric = self.errors.metric()
        self.log("metric", metric, prog_bar=True)
        if not self.trainer.sanity_checking:
            self.job.tell(self.current_epoch + 1, metric)

    def configure_optimizers(self) -> dict[str, Any]:
        job = self.job
        # Lightning clips no gradients of fused optimisers in mixed precision.
        fused = True if job.levers and job.precision == "fp32" else None
        adamw = torch.optim.AdamW(self.parameters(), lr=job.lr, weight_decay=job.weight_decay, fused=fused)
        schedule = torch.optim.lr_scheduler.LambdaLR(adamw, job.rate)
        return {"optimizer": adamw, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def main() -> None:
    job = Job.given()
    train, test = (Recordings(job, split, once=job.levers) for split in ("train", "test"))
    loader = partial(DataLoader, collate_fn=padded)
    if job.levers:
        batches = loader(train, batch_sampler=BatchesOfSimilarLength(train.lengths, job.batch_size))
    else:
        batches = loader(train, batch_size=job.batch_size, shuffle=True)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=job.epochs,
        gradient_clip_val=job.clip,
        precision="bf16-mixed" if job.precision == "bf16" else "32-true",
        default_root_dir=job.folder,
        enable_progress_bar=not job.levers,
        use_distributed_sampler=False,
    )
    trainer.fit(Recogniser(job), batches, loader(test, batch_size=job.batch_size))


if __name__ == "__main__":
    main()

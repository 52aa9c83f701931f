"""Transformers' Trainer as its tutorials show it: features made once by ``map``, then ``Trainer.train``.

Digits go through the default collator, for which all are padded or cut to one second; strings through one that pads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from job import Job, Split
from scoring import Errors, loss_of
from torch.nn import functional
from transformers import (
    EvalPrediction,
    SequenceFeatureExtractor,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

from features import Recordings, padded

SECOND = 100
Example = dict[str, Any]


@final
class Model(torch.nn.Module):
    """A network that answers with its loss, as Trainer wants it."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job, self.network = job, job.network()

    def forward(
        self, input_features: torch.Tensor, lengths: torch.Tensor, labels: torch.Tensor, counts: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        scores = self.network(input_features, lengths)
        return {"loss": loss_of(self.job, scores, lengths, labels, counts), "logits": scores}


@final
class Examples(torch.utils.data.Dataset[Example]):
    """Recordings as Trainer takes them: features, frames, symbols by name."""

    def __init__(self, job: Job, split: Split) -> None:
        self._fixed = not (job.strings or job.levers)
        self._recordings = Recordings(job, split, once=True)

    def __len__(self) -> int:
        return len(self._recordings)

    def __getitem__(self, index: int) -> Example:
        features, symbols = self._recordings[index]
        length = len(features)
        if self._fixed:
            features, length = (
                functional.pad(features, (0, 0, 0, max(0, SECOND - length)))[:SECOND],
                min(length, SECOND),
            )
        return {"input_features": features, "lengths": length, "labels": symbols, "counts": len(symbols)}


def padding_collator(examples: list[Example]) -> Example:
    features, lengths, labels, counts = padded([(one["input_features"], one["labels"]) for one in examples])
    return {"input_features": features, "lengths": lengths, "labels": labels, "counts": counts}


@final
class Extractor(SequenceFeatureExtractor):
    """Says where Trainer finds the length of an example."""

    model_input_names = ("input_features",)


@final
class Telling(TrainerCallback):
    def __init__(self, job: Job) -> None:
        self.job = job

    def on_evaluate(self, args: TrainingArguments, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
        self.job.tell(round(state.epoch), more["metrics"]["eval_metric"])


def main() -> None:
    job = Job.given()
    train, test = (Examples(job, split) for split in ("train", "test"))
    errors = Errors(job)

    def metrics(prediction: EvalPrediction) -> dict[str, float]:
        best, lengths, labels, counts = (
            torch.from_numpy(np.asarray(part)) for part in (prediction.predictions, *prediction.label_ids)
        )
        errors.count(best, lengths, labels, counts)
        return {"metric": errors.metric()}

    settings = TrainingArguments(
        output_dir=str(Path(job.folder) / "checkpoints"),
        num_train_epochs=job.epochs,
        per_device_train_batch_size=job.batch_size,
        per_device_eval_batch_size=job.batch_size,
        learning_rate=job.lr,
        weight_decay=job.weight_decay,
        max_grad_norm=job.clip,
        lr_scheduler_type="linear",
        warmup_steps=job.warmup,
        bf16=job.precision == "bf16",
        train_sampling_strategy="group_by_length" if job.levers else "random",
        label_names=["lengths", "labels", "counts"],
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        seed=job.seed,
        use_cpu=True,
        report_to="none",
        disable_tqdm=job.levers,
    )
    trainer = Trainer(
        Model(job),
        settings,
        train_dataset=train,
        eval_dataset=test,
        processing_class=Extractor(feature_size=39, sampling_rate=8000, padding_value=0.0),
        data_collator=padding_collator if job.strings or job.levers else default_data_collator,
        compute_metrics=metrics,
        preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(-1),
        callbacks=[Telling(job)],
    )
    trainer.train()


if __name__ == "__main__":
    main()

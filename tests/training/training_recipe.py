"""A small training on real speech with everything switched on, for tests and, as a program, for killing.

``python training_recipe.py RUN CACHE RECORDINGS`` trains, resuming what is there, and exits as the command line would.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from asrtrain.batching import BucketSampler, Dataset, Loader, OrderedSampler, counter_seed, load_dataset
from asrtrain.clipping import build_clipper
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.encoders import ENCODERS
from asrtrain.errors import AsrtrainError
from asrtrain.features import FEATURES
from asrtrain.features.augmentation import AugmentationConfig
from asrtrain.heads import HEADS
from asrtrain.optim import OPTIMIZERS, SCHEDULES, parameter_groups
from asrtrain.recogniser import Recogniser
from asrtrain.training import Ingredients, Outcome, TrainingConfig, Validation, train
from asrtrain.types import Utterance

CPU = torch.device("cpu")
CONFIG: dict[str, Any] = {
    "max_epochs": 3, "batch_size": 8, "accum_grad": 2, "ema": 0.9, "average": 2, "l1": 1e-6, "l2": 1e-5,
    "log_interval": 3, "checkpoint_interval": 2, "keep_checkpoints": 2,
}  # fmt: skip


CLIPPING = {"name": "norm", "threshold": {"name": "dynamic", "quantile": 0.5, "window": 8, "warmup": 2}}
AUGMENTATION = AugmentationConfig.model_validate(
    {"speed": [0.9, 1.1], "shift": {}, "noise": {}, "vtlp": [0.9, 1.1], "spec_augment": {}}
)


def utterances(recordings: Path, indices: range, speakers: tuple[str, ...] = ("george", "theo")) -> list[Utterance]:
    return [
        Utterance(f"{digit}_{speaker}_{i}", recordings / f"{digit}_{speaker}_{i}.wav", str(digit), speaker)
        for digit in range(10)
        for speaker in speakers
        for i in indices
    ]


@lru_cache(maxsize=1)
def datasets(recordings: Path, cache: Path) -> tuple[Dataset, Dataset]:
    """Sixty utterances to train on, twenty to validate on."""

    def load(indices: range) -> Dataset:
        return load_dataset(utterances(recordings, indices), lambda text: [int(text)], "label", 8000, cache)

    return load(range(5, 8)), load(range(8, 9))


def build_model(settings: Mapping[str, Any], features: int) -> Recogniser:
    """A recogniser of the ten digits as classes."""
    config = ENCODERS[settings["name"]](**settings)
    encoder = config.build(features, per_frame=False)
    digits = Vocabulary(tuple(map(str, range(10))), "label")
    head = HEADS["cross_entropy"](name="cross_entropy", label_smoothing=0.1)
    return Recogniser(encoder, {head.name: head.build(encoder.output_size, digits, config.top, stride=1)}, 0.01)


def ingredients(
    recordings: Path,
    cache: Path,
    config: TrainingConfig,
    *,
    model: Mapping[str, Any] | None = None,
    clipping: Any = None,
    optimizer: Mapping[str, Any] | None = None,
    augment: bool = True,
    seed: int = 7,
    part: tuple[int, int] = (0, 1),
) -> Ingredients:
    """Everything built as for a real run. Each call builds it anew, and equal; ``part`` is the process's."""
    train_set, dev_set = datasets(recordings, cache)
    front_end = FEATURES["log_mel"](sample_rate=8000, n_mels=16, normalise="global").build()
    front_end.fit(train_set.waveform_batches())
    torch.manual_seed(counter_seed(seed, 1))
    chosen = dict(model or {"name": "gru", "hidden_size": 12, "dropout": 0.2})
    recogniser = build_model(chosen, front_end.feature_size)
    sampler = BucketSampler(
        train_set.seconds, batch_size=config.batch_size, batch_seconds=config.batch_seconds, seed=seed
    )
    augmentation = AUGMENTATION.build(8000, bands=front_end.bands)
    loader = Loader(train_set, sampler, front_end, augmentation if augment else None, seed=seed, part=part)
    settings = dict(optimizer or {"name": "adamw", "lr": 5e-3})
    torch_optimizer = OPTIMIZERS[settings["name"]](**settings).build(parameter_groups(recogniser.named_parameters()))
    dev = Loader(dev_set, OrderedSampler(dev_set.seconds, batch_size=20), front_end)

    def validate(network: Recogniser) -> Validation:
        wrong, total = 0, 0.0
        for batch in dev.epoch(0):
            losses, heard = network.validate(batch, network.search())
            total += float(losses.per_utterance.sum())
            wrong += sum(one.text != one.id.split("_")[0] for one in heard)
        return Validation(total / 20, wrong / 20, "error rate", higher_is_better=False)

    return Ingredients(
        front_end=front_end,
        model=recogniser,
        optimizer=torch_optimizer,
        schedule=SCHEDULES["plateau"](name="plateau", patience=0).build(
            config.steps_per_epoch(loader.batches_per_epoch), config.max_epochs
        ),
        clipper=build_clipper(clipping or CLIPPING, seed=seed),
        batches=loader,
        validate=validate,
    )


def run(folder: Path, cache: Path, recordings: Path, *, seed: int = 7, **changes: Any) -> Outcome:
    config = TrainingConfig(**{**CONFIG, **changes})
    parts = ingredients(recordings, cache, config, seed=seed)
    return train(parts, config, folder, seed=seed, device=CPU, metadata={"model": {"name": "gru"}})


def result_of(run: Path) -> dict[str, Any]:
    """Everything that must be equal: all checkpoints and all measurements, bit for bit.

    The sizes of the log files are left out, since log.txt tells the time and what was interrupted.
    """
    found: dict[str, Any] = {path.name: path.read_bytes() for path in (run / "metrics.jsonl", run / "metrics.csv")}
    for path in sorted((run / "checkpoints").glob("*/*")):
        if path.name == "state.json":
            found[str(path.relative_to(run))] = json.loads(path.read_text()) | {"logs": None}
        elif path.suffix == ".safetensors":
            found[str(path.relative_to(run))] = path.read_bytes()
    return found


def main() -> int:
    run_folder, cache, recordings = map(Path, sys.argv[1:4])
    try:
        run(run_folder, cache, recordings)
    except AsrtrainError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    # A hard exit: what matters is on the disk already, and the interpreter's own goodbye is no part of the test.
    code = main()
    sys.stderr.flush()
    os._exit(code)

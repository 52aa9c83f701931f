"""What it costs to be ready to explain any step: per cent of the step, for networks on batches of FSDD's shape.

A step is the loop's own, of 32 utterances of 45 frames with norm clipping and AdamW. Being ready is what it does
beside: remembering running statistics and generators, asking for planted faults, comparing the norm with a history.
"""

from __future__ import annotations

from typing import Any

import torch
from command_line import options_of, show
from timing import interleaved

from asrtrain.clipping import build_clipper
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.optim import OPTIMIZERS, SCHEDULES, parameter_groups
from asrtrain.training import Ingredients, TrainingConfig, Updater
from asrtrain.training.injection import Injector
from asrtrain.training.trace import Trace
from asrtrain.training.watch import ExplainConfig, Watch
from asrtrain.types import Batch, Targets
from recognisers import build_recogniser

NETWORKS: dict[str, dict[str, Any]] = {
    "rnn": {"hidden_size": 64},
    "lstm": {"hidden_size": 128},
    "cnn": {},
    "cnn_rnn": {},
    "softmax": {},
}
BATCH, FRAMES, CLASSES = 32, 45, 10
CPU = torch.device("cpu")
REPEATS = 50
"""Of what is too short to be timed once."""
HISTORY = 100


def batch_of_speech(size: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(BATCH, FRAMES, size, generator=generator)
    lengths = torch.full((BATCH,), FRAMES)
    targets = Targets(torch.randint(CLASSES, (BATCH, 1), generator=generator), torch.ones_like(lengths))
    return Batch(tuple(map(str, range(BATCH))), features, lengths, {"label": targets})


def share_of_a_step(name: str, rounds: int) -> float:
    front_end = MFCCConfig(sample_rate=8000).build()
    torch.manual_seed(0)
    model = build_recogniser({"name": name, **NETWORKS[name]}, front_end.feature_size, CLASSES)
    parts = Ingredients(
        front_end=front_end,
        model=model,
        optimizer=OPTIMIZERS["adamw"](name="adamw").build(parameter_groups(model.named_parameters())),
        schedule=SCHEDULES["constant"](name="constant").build(1, 1),
        clipper=build_clipper({"name": "norm", "threshold": 5.0}),
        batches=None,  # type: ignore[arg-type] - the step is given its batch
        validate=None,  # type: ignore[arg-type]
    )
    update = Updater(parts, TrainingConfig(), CPU, decides=True)
    window = [batch_of_speech(front_end.feature_size)]
    trace, injector, watch = Trace(model, CPU), Injector(model, ()), Watch(ExplainConfig())
    norm = torch.tensor(3.0, dtype=torch.float64)
    for step in range(HISTORY):
        watch.look(step, window, 3.0 + step / HISTORY, finite_loss=True)

    def being_ready() -> None:
        for _ in range(REPEATS):
            trace.begin()
            injector.due(1, window)
            watch.look(1, window, float(norm), finite_loss=True)

    seconds = interleaved({"step": lambda: update(window), "ready": being_ready}, rounds)
    return 100 * seconds["ready"] / REPEATS / seconds["step"]


def main() -> None:
    parser = options_of(__doc__)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = {f"ready_to_explain_percent_{name}": share_of_a_step(name, 5 if given.quick else 30) for name in NETWORKS}
    show(found, given.format)


if __name__ == "__main__":
    main()

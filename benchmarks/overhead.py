"""What our loop adds to every step, beside a bare one on the same tensors: microseconds and per cent of the bare step.

The bare loop is what anybody writes by hand: forward, loss, backward, ``clip_grad_norm_``, torch's fused AdamW,
``zero_grad``. Ours is the one that trains: norm clipping, the decision whether a step is sound, the schedule, every
measurement of every step in the files of a run folder, TensorBoard, the progress bar, the watch for signals and for
steps worth explaining. Model, loss and tensors are equal, and so is what the optimisers compute, to the bit: that ours
takes a shorter way there is in the figures, and they may be negative. Batches are made beforehand.

Both take turns of as many steps as lie between two writes of the log, and medians are told of the differences between
neighbouring turns. The arithmetic of a network varies by more than what is looked for, so ``added`` is measured with
the network's own parameters and their true gradients, which a forward and backward pass that computes nothing hands
over; per cent are of the whole bare step. ``whole_percent`` is the plain difference with all arithmetic, and noisy.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, final

import torch
from command_line import options_of, show
from timing import cpu_seconds

from asrtrain.clipping import build_clipper
from asrtrain.encoders.features import FeaturesConfig
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.heads import HEADS, Head
from asrtrain.heads.criterion import Criterion
from asrtrain.optim import OPTIMIZERS, SCHEDULES, parameter_groups
from asrtrain.recogniser import Recogniser
from asrtrain.search import Search
from asrtrain.training import Ingredients, TrainingConfig, Validation, train
from asrtrain.types import Batch, Frames, Part, Scores, Targets
from recognisers import FRAME_SHIFT, build_recogniser

THRESHOLD = 5.0
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """A model and the shape of its batch; ``labels`` makes it a transcriber.

    ``turns`` are those of the whole loops, of ``steps`` each.
    """

    model: dict[str, Any]
    size: int
    frames: int
    features: int
    steps: int
    turns: int
    labels: int | None = None


CASES = {
    "linear": Case({"name": "softmax"}, 32, 40, 13, 50, 60),
    "cnn": Case({"name": "cnn", "channels": (16, 32), "hidden_size": 64}, 32, 50, 40, 10, 12),
    "rnn": Case({"name": "rnn", "hidden_size": 128, "num_layers": 2}, 32, 122, 39, 10, 12),
    "bilstm_ctc": Case(
        {"name": "lstm", "hidden_size": 256, "num_layers": 3, "bidirectional": True}, 16, 209, 120, 3, 5, labels=5
    ),
}
"""The probe, the small networks and the transcriber on which the trainers of others were measured."""
CLASSES = 11
QUICK = ("linear", "cnn")
HOLLOW_STEPS = 50
"""What lies between two writes of the log by default."""


def batch_of(case: Case) -> Batch:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(case.size, case.frames, case.features, generator=generator)
    lengths = torch.full((case.size,), case.frames)
    labels = case.labels or 1
    symbols = torch.randint(1, CLASSES, (case.size, labels), generator=generator)
    said = {"label" if case.labels is None else "word": Targets(symbols, torch.full((case.size,), labels))}
    return Batch(tuple(f"utterance-{i}" for i in range(case.size)), features, lengths, said)


class _Given(torch.autograd.Function):
    """Logits and gradients that somebody has computed before."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch has no type for it
        logits: torch.Tensor,
        gradients: Sequence[torch.Tensor],
        *parameters: torch.Tensor,
    ) -> torch.Tensor:
        ctx.gradients = gradients
        return logits.clone()

    @staticmethod
    def backward(ctx: Any, *wanted: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        return None, None, *ctx.gradients


class Hollow(Head):
    """A recogniser's parameters, with the scores and gradients that it had once for this batch."""

    def __init__(self, model: Recogniser, batch: Batch, criterion: Criterion) -> None:
        super().__init__(model.head.tokens, model.head.reading)
        self.model, self._criterion = model, criterion
        scores = model.head.scorer(model.encode(batch))
        losses = criterion(scores, self.targets(batch)).per_utterance
        self._all = tuple(model.parameters())
        self._logits, self._lengths = scores.logits.detach(), scores.lengths
        self._gradients = torch.autograd.grad(losses.mean(), self._all)

    def part(self, frames: Frames, batch: Batch) -> Part:
        return self._criterion(self.scorer(frames), self.targets(batch))

    def scorer(self, frames: Frames) -> Scores:
        return Scores(_Given.apply(self._logits, self._gradients, *self._all), self._lengths)

    def search(self) -> Search:
        return self.model.search()


class Loop:
    """What both loops are made of, equal for both."""

    def __init__(self, case: Case, batch: Batch, *, hollow: bool) -> None:
        torch.manual_seed(0)
        kind = "cross_entropy" if case.labels is None else "ctc"
        self.criterion = HEADS[kind]().criterion()
        self.model = build_recogniser(case.model, case.features, CLASSES, kind)
        if hollow:
            features = FeaturesConfig().build(case.features, per_frame=True)
            self.model = Recogniser(features, {kind: Hollow(self.model, batch, self.criterion)}, FRAME_SHIFT)
        self.groups = parameter_groups(self.model.named_parameters())


@final
class Bare(Loop):
    """The loop that anybody would write."""

    def __init__(self, case: Case, batch: Batch, *, hollow: bool) -> None:
        super().__init__(case, batch, hollow=hollow)
        self.optimizer = torch.optim.AdamW(self.groups, lr=1e-4, fused=True)

    def run(self, batch: Batch, steps: int) -> None:
        model, head = self.model.train(), self.model.head
        for _ in range(steps):
            scores = head.scorer(model.encode(batch))
            loss = self.criterion(scores, head.targets(batch)).per_utterance.mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), THRESHOLD)
            self.optimizer.step()
            self.optimizer.zero_grad()


class TakingTurns:
    """The batches of one long epoch of ours; whenever as many steps are done as make a turn, the bare loop has its own.

    ``ours`` and ``bare`` are the CPU seconds of a step, for every turn.
    """

    def __init__(self, batch: Batch, bare: Bare, steps: int, turns: int) -> None:
        self._batch, self._bare, self._steps, self._turns = batch, bare, steps, turns
        self.batches_per_epoch = steps * turns + 1
        self.ours: list[float] = []
        self.bare: list[float] = []

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for _ in range(self._turns):
            began = time.process_time()
            for _ in range(self._steps):
                yield self._batch
            # Asked for another batch, which it is when the step before it is done and written down.
            self.ours.append((time.process_time() - began) / self._steps)
            self.bare.append(cpu_seconds(lambda: self._bare.run(self._batch, self._steps)) / self._steps)
        yield self._batch


class Terminal(io.StringIO):
    """Somewhere to draw a progress bar."""

    def isatty(self) -> bool:
        return True


def validate(model: Recogniser) -> Validation:
    return Validation(0.0, 0.0, "accuracy", higher_is_better=True)


def measured(case: Case, steps: int, turns: int, *, hollow: bool) -> tuple[float, float]:
    """Median CPU seconds that ours adds to a step, and of the bare step."""
    batch = batch_of(case)
    ours = Loop(case, batch, hollow=hollow)
    optimizer = OPTIMIZERS["adamw"](name="adamw", lr=1e-4).build(ours.groups)
    batches = TakingTurns(batch, Bare(case, batch, hollow=hollow), steps, turns + 1)
    parts = Ingredients(
        front_end=MFCCConfig(sample_rate=8000).build(),
        model=ours.model,
        optimizer=optimizer,
        schedule=SCHEDULES["constant"](name="constant").build(1, 1),
        clipper=build_clipper({"name": "norm", "threshold": THRESHOLD}),
        batches=batches,
        validate=validate,
        explain=lambda trouble: "",
    )
    config = TrainingConfig(max_epochs=1, log_interval=steps)
    with tempfile.TemporaryDirectory() as folder, redirect_stderr(Terminal()):
        train(parts, config, Path(folder) / "run", seed=0, device=CPU, metadata={})
    pairs = list(zip(batches.ours, batches.bare, strict=True))[1:]  # the first turn warms up
    return median(own - bare for own, bare in pairs), median(bare for _, bare in pairs)


def figures_of(name: str, case: Case, *, quick: bool) -> dict[str, float]:
    whole, bare = measured(case, case.steps, max(3, case.turns // 4) if quick else case.turns, hollow=False)
    added, _ = measured(case, HOLLOW_STEPS, 10 if quick else 40, hollow=True)
    print(f"{name}: a bare step takes {1e3 * bare:.3f} ms", file=sys.stderr)
    return {
        f"added_us_{name}": 1e6 * added,
        f"added_percent_{name}": 100 * added / bare,
        f"whole_percent_{name}": 100 * whole / bare,
    }


def main() -> None:
    parser = options_of(__doc__, "the two smallest models")
    given = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, float] = {}
    for name, case in CASES.items():
        if name in QUICK or not given.quick:
            figures |= figures_of(name, case, quick=given.quick)
    show(figures, given.format)


if __name__ == "__main__":
    main()

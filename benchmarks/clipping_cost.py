"""What clipping costs: every kind's share of a training step, and norm clipping beside torch's.

A step is forward, backward and Adam of a bidirectional LSTM on a batch of the mean shape of digits_bilstm_ctc.yaml: 32
strings of digits of 97 stacked frames. Every kind has its first example's settings, or stricter ones where those would
not clip. What a rule on updates costs is told without the optimiser; a rule inside the model costs what a step with it
takes longer than one without; a rule on every utterance's gradient takes a backward pass for each, and is measured on
the smallest model alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from command_line import options_of, show
from timing import interleaved

from asrtrain.clipping import CLIPPERS, Clipper, build_clipper
from asrtrain.clipping.interface import InsideRule, LossRule, UpdateRule
from asrtrain.types import Batch
from recognisers import build_recogniser

SIZES = {"0.3M": 96, "3M": 320, "30M": 1000}
SMALLEST = "0.3M"
BATCH, FRAMES, FEATURES, LABELS = 32, 97, 117, 11
NORM = 5.0
"""Of the gradient."""
STRICT: Mapping[str, Mapping[str, Any]] = {
    "value": {"threshold": 1e-4},
    "soft_value": {"threshold": 1e-4},
    "truncate": {"threshold": 1e-4},
    "adagc": {"warmup": 1},
    "spam": {"theta": 2.0, "warmup": 1},
}
LEARNING = 70
"""Steps after which every rule with a history knows enough to clip."""
Run = Callable[[], object]


class Shifter(torch.optim.Optimizer):
    """Moves the weights against their gradients and does nothing else."""

    @torch.no_grad()
    def step(self, closure: object = None) -> None:
        weights = self.param_groups[0]["params"]
        torch._foreach_add_(weights, [weight.grad for weight in weights], alpha=-1e-6)


class Bench:
    """A model, and the gradients of a step, which can be put back."""

    def __init__(self, hidden: int) -> None:
        torch.manual_seed(0)
        settings = {"name": "lstm", "hidden_size": hidden, "num_layers": 2, "bidirectional": True}
        self.model = build_recogniser(settings, FEATURES, LABELS, "ctc")
        names = tuple(map(str, range(BATCH)))
        self.batch = Batch(names, torch.randn(BATCH, FRAMES, FEATURES), torch.full((BATCH,), FRAMES))
        self.adam = torch.optim.Adam(self.model.parameters(), lr=1e-6)
        self.shifter = Shifter(self.model.parameters(), {})
        self.step()
        self.named = list(self.model.named_parameters())
        self.gradients = [parameter.grad for _, parameter in self.named]
        length = torch.stack([gradient.norm() for gradient in self.gradients]).norm()
        self.raw = [gradient * (NORM / length) for gradient in self.gradients]

    def step(self, clip: Clipper | None = None) -> None:
        self.adam.zero_grad(set_to_none=False)
        losses = self.model.head.scorer(self.model.encode(self.batch)).logits.square().mean(dim=(1, 2))
        if clip is None:
            losses.sum().backward()
        else:
            clip.backward(losses)
            clip(self.named)
        self.adam.step()

    def put_back(self) -> None:
        torch._foreach_copy_(self.gradients, self.raw)

    def clip_and_shift(self, clip: Clipper) -> None:
        clip(self.named)
        clip.step(self.shifter)


def chosen(kind: str) -> dict[str, Any]:
    return {"name": kind, **CLIPPERS[kind].examples[0], **STRICT.get(kind, {})}


def acts(kind: str, how: type) -> bool:
    return isinstance(CLIPPERS[kind].model_validate(chosen(kind)).build(0), how)


def shares_of_a_step(size: str, rounds: int) -> dict[str, float]:
    """In per cent of the step, by kind; and what the report's details take."""
    bench = Bench(SIZES[size])
    direct: dict[str, Run] = {
        "shift": bench.shifter.step,
        "lean": partial(build_clipper({"name": "norm", "threshold": 2 * NORM}), bench.named, detailed=False),
        "detailed": partial(build_clipper({"name": "norm", "threshold": 2 * NORM}), bench.named),
    }
    whole: dict[str, Run] = {"step": bench.step}
    kinds = [kind for kind in CLIPPERS if size == SMALLEST or not acts(kind, LossRule)]
    for kind in kinds:
        clip = build_clipper(chosen(kind))
        if acts(kind, InsideRule):
            whole[kind] = partial(attached_step, bench, clip)
            continue
        direct[kind] = partial(bench.clip_and_shift if acts(kind, UpdateRule) else clip, *beside(bench, clip, kind))
        for _ in range(LEARNING if clip.state_dict()["state"] or "threshold" in chosen(kind) else 0):
            bench.put_back()
            direct[kind]()
    seconds = interleaved(direct, rounds, prepare=bench.put_back)
    steps = interleaved(whole, max(2, rounds // 10))
    step = steps["step"]
    for kind in kinds:
        if acts(kind, UpdateRule):
            seconds[kind] -= seconds["shift"]
        if acts(kind, InsideRule):
            seconds[kind] = steps[kind] - step
    seconds["report_details"] = seconds.pop("detailed") - seconds.pop("lean")
    del seconds["shift"]
    return {f"percent_of_step_{size}_{kind}": 100 * value / step for kind, value in seconds.items()}


def beside(bench: Bench, clip: Clipper, kind: str) -> tuple[object]:
    """The argument of a kind's run: the clipper if it is run together with an optimiser, else what it clips."""
    return (clip,) if acts(kind, UpdateRule) else (bench.named,)


def attached_step(bench: Bench, clip: Clipper) -> None:
    clip.attach(bench.model)
    bench.step(clip)
    clip.detach()


def beside_torch(size: str, rounds: int) -> dict[str, float]:
    """The time of norm clipping by that of clip_grad_norm_, below the threshold and above it."""
    bench = Bench(SIZES[size])
    parameters = [parameter for _, parameter in bench.named]
    candidates: dict[str, Run] = {}
    for case, threshold in (("below", 2 * NORM), ("clipping", NORM / 2)):
        clip = build_clipper({"name": "norm", "threshold": threshold})
        candidates[f"torch_{case}"] = partial(torch.nn.utils.clip_grad_norm_, parameters, threshold)
        candidates[f"lean_{case}"] = partial(clip, bench.named, detailed=False)
        candidates[f"full_{case}"] = partial(clip, bench.named)
    seconds = interleaved(candidates, rounds, prepare=bench.put_back)
    return {
        f"ratio_to_clip_grad_norm_{size}_{case}_{report}_report": seconds[f"{report}_{case}"] / seconds[f"torch_{case}"]
        for case in ("below", "clipping")
        for report in ("lean", "full")
    }


def main() -> dict[str, float]:
    parser = options_of(__doc__)
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, float] = {}
    for size in [SMALLEST] if options.quick else SIZES:
        rounds = {"0.3M": 51, "3M": 21, "30M": 5}[size]
        figures |= beside_torch(size, rounds)
        figures |= shares_of_a_step(size, rounds)
    show(figures, options.format)
    return figures


if __name__ == "__main__":
    main()

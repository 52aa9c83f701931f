"""How near a training step comes to the processor's limit: its matrix products, by the best that the processor does.

The step is the trainer's own (``training/step.py``): forward, CTC, backward, measuring, clipping, the decision, AdamW,
on utterances of 225 frames of 39 features, with a bidirectional LSTM of 3 layers: of 256 cells, 3.77 million weights,
on batches of 16, and ("large") of 512 cells, 14.9 million weights, on batches of 32. Counted are matrix products alone,
a multiplication and an addition as two. Forward they are

    2 · B · T · Σ over layers and directions of 4H · (I + H)  +  2 · B · T · 2H · V

for B utterances of T frames, H cells, V symbols and layers with I inputs (39, then 2H). Backward is twice that, but for
the gradient of the features, which nobody asks for. Elementwise work, CTC, dropout and the optimiser do not count.

The limit is the best of PyTorch's linear layer by MKL and by oneDNN, over several shapes, timed between the steps of
the same process: CPU time, medians over all rounds of the best shape. The process is set up as ``asrtrain fit`` sets up
its own (``asrtrain.allocator``), and a second one as the C library would have it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from command_line import options_of, show
from timing import cpu_seconds

from asrtrain.allocator import VARIABLE, choose_allocator

FRAMES, FEATURES, LAYERS, SYMBOLS, LABELS = 225, 39, 3, 11, 5
SMALL, LARGE = 256, 512
BATCHES = {SMALL: 16, LARGE: 32}
"""Utterances of a batch, by the cells of the network."""


def shapes(cells: int) -> tuple[tuple[int, int, int], ...]:
    """Rows, inputs and outputs: two that suit processors, and the step's own largest product."""
    return (2048, 2048, 2048), (1024, 1024, 1024), (BATCHES[cells] * FRAMES, 2 * cells, 4 * cells)


def step_flops(cells: int) -> float:
    """Floating-point operations of a step's matrix products."""
    frames = BATCHES[cells] * FRAMES
    inputs = [FEATURES, *[2 * cells] * (LAYERS - 1)]
    forward = 2 * frames * sum(2 * 4 * cells * (size + cells) for size in inputs) + 2 * frames * 2 * cells * SYMBOLS
    return 3 * forward - 2 * frames * 2 * 4 * cells * FEATURES


def training_step(precision: str, cells: int) -> Callable[[], object]:
    """A step of the trainer on the same batch, whenever it is called."""
    import torch

    from asrtrain.clipping import build_clipper
    from asrtrain.features.mfcc import MFCCConfig
    from asrtrain.optim import OPTIMIZERS, SCHEDULES, parameter_groups
    from asrtrain.training import Ingredients, TrainingConfig
    from asrtrain.training.step import Updater
    from asrtrain.types import Batch, Targets
    from recognisers import build_recogniser

    torch.manual_seed(0)
    size = BATCHES[cells]
    network = {"name": "lstm", "hidden_size": cells, "num_layers": LAYERS, "bidirectional": True}
    model = build_recogniser(network, FEATURES, SYMBOLS, "ctc").train()
    batch = Batch(
        tuple(f"utterance-{i}" for i in range(size)),
        torch.randn(size, FRAMES, FEATURES),
        torch.full((size,), FRAMES),
        {"word": Targets(torch.randint(1, SYMBOLS, (size, LABELS)), torch.full((size,), LABELS))},
    )
    parts = Ingredients(
        front_end=MFCCConfig().build(),
        model=model,
        optimizer=OPTIMIZERS["adamw"]
        .model_validate({"name": "adamw", "lr": 1e-4})
        .build(parameter_groups(model.named_parameters())),
        schedule=SCHEDULES["constant"].model_validate({"name": "constant"}).build(1, 1),
        clipper=build_clipper({"name": "norm", "threshold": 5.0}),
        batches=None,  # type: ignore[arg-type]
        validate=None,  # type: ignore[arg-type]
    )
    settings = TrainingConfig.model_validate({"precision": precision})
    update = Updater(parts, settings, torch.device("cpu"), decides=True)
    return lambda: update([batch], step=1, epoch=1)


def products(precision: str, cells: int) -> dict[str, tuple[float, Callable[[], object]]]:
    """The matrix products that the processor is tried with: their operations, and how to make them."""
    import torch

    from asrtrain.performance.setup import using

    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    found: dict[str, tuple[float, Callable[[], object]]] = {}
    for rows, inputs, outputs in shapes(cells):
        left, right = torch.randn(rows, inputs).to(kind), torch.randn(outputs, inputs).to(kind)
        times = max(1, 2048**3 // (rows * inputs * outputs))

        def multiply(
            matmul: str, left: torch.Tensor = left, right: torch.Tensor = right, times: int = times
        ) -> Callable[[], object]:
            def run() -> None:
                with using(1, matmul):  # type: ignore[arg-type]
                    for _ in range(times):
                        torch.nn.functional.linear(left, right)

            return run

        def is_fp32(matmul: str, left: torch.Tensor = left, right: torch.Tensor = right) -> bool:
            """Where there are matrix units, oneDNN multiplies float32 in bf16, a thousand times less exactly."""
            with using(1, matmul):  # type: ignore[arg-type]
                found = torch.nn.functional.linear(left, right)[:8]
            exact = torch.nn.functional.linear(left[:8].double(), right.double())
            return float((found - exact).abs().max()) < 1e-2

        for matmul in ("default", "onednn"):
            if precision == "bf16" or is_fp32(matmul):
                flops = 2.0 * rows * inputs * outputs * times
                found[f"{matmul} {rows}×{inputs}×{outputs}"] = flops, multiply(matmul)
    return found


def measure(precision: str, cells: int, rounds: int) -> dict[str, float]:
    """The step's and the peak's GFLOP/s, the step's seconds, its page faults and the process's memory."""
    choose_allocator()
    import resource

    import torch

    torch.set_num_threads(1)
    step, tried = training_step(precision, cells), products(precision, cells)
    steps: list[float] = []
    speeds: dict[str, list[float]] = {name: [] for name in tried}
    faults = 0
    for turn in range(rounds + 1):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        taken = cpu_seconds(step)
        faulted = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        speed = {name: flops / cpu_seconds(run) for name, (flops, run) in tried.items()}
        if turn:  # the first warms up
            steps.append(taken)
            faults += faulted
            for name, value in speed.items():
                speeds[name].append(value)
    peaks = {name: median(values) / 1e9 for name, values in speeds.items()}
    best = max(peaks, key=lambda name: peaks[name])
    print(f"{precision}: {best}: " + ", ".join(f"{k} {v:.0f}" for k, v in peaks.items()), file=sys.stderr)
    return {
        "peak_gflops": peaks[best],
        "step_gflops": step_flops(cells) / median(steps) / 1e9,
        "step_ms": 1e3 * median(steps),
        "page_faults": faults / rounds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_own_process(precision: str, cells: int, allocator: str, rounds: int) -> dict[str, float]:
    """Measured in a process that has not loaded PyTorch yet."""
    command = [sys.executable, str(Path(__file__).resolve()), "--measure", precision, "--cells", str(cells)]
    command += ["--rounds", str(rounds)]
    environment = os.environ | {VARIABLE: allocator, "OMP_NUM_THREADS": "1"}
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


def has_bf16() -> bool:
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return "avx512_bf16" in flags or "amx_bf16" in flags


def main() -> None:
    parser = options_of(__doc__, "fewer rounds")
    parser.add_argument("--rounds", type=int, help="of the smaller step; the large one takes half as many")
    parser.add_argument("--measure", choices=("fp32", "bf16"), help="measure in this process, and print JSON")
    parser.add_argument("--cells", type=int, choices=tuple(BATCHES), default=SMALL, help="what to measure there")
    options = parser.parse_args()
    rounds = options.rounds or (4 if options.quick else 12)
    if options.measure:
        print(json.dumps(measure(options.measure, options.cells, rounds)))
        return
    figures: dict[str, float] = {}
    for precision in ("fp32", "bf16") if has_bf16() else ("fp32",):
        ours, systems = (in_own_process(precision, SMALL, allocator, rounds) for allocator in ("keep", "system"))
        large = in_own_process(precision, LARGE, "keep", max(2, rounds // 2))
        figures |= {
            f"{precision}_percent_of_peak": 100 * ours["step_gflops"] / ours["peak_gflops"],
            f"{precision}_percent_of_peak_large": 100 * large["step_gflops"] / large["peak_gflops"],
            f"{precision}_percent_of_peak_system_allocator": 100 * systems["step_gflops"] / systems["peak_gflops"],
            f"{precision}_allocator_time": (ours["step_ms"] * ours["peak_gflops"])
            / (systems["step_ms"] * systems["peak_gflops"]),
            f"{precision}_allocator_memory": ours["peak_mb"] / systems["peak_mb"],
            **{f"{precision}_{name}": value for name, value in ours.items()},
        }
    show(figures, options.format)


if __name__ == "__main__":
    main()

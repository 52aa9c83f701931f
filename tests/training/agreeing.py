"""What several processes find out together: a program. ``python agreeing.py FOLDER CACHE RECORDINGS``.

FOLDER holds the configurations, and gets what each process found in <rank>.json.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from asrtrain.app.fit import load_settings, prepare
from asrtrain.assembly import build_ingredients
from asrtrain.training import World, joined_world

NAMES = ("words", "strings")
CPU = torch.device("cpu")


def validated(config: Path, world: World) -> dict[str, Any]:
    """An untrained model's validation, and how many batches this process has scored for it."""
    settings = load_settings(config, (), None)
    splits = settings.data.load(Path(os.environ["ASRTRAIN_CACHE"]))
    recogniser = prepare(settings, splits, CPU)
    with world.leader_first():
        validate = build_ingredients(recogniser, splits, world).validate
    batches: list[int] = []
    recogniser.model.encoder.register_forward_pre_hook(lambda module, given: batches.append(len(given[0])))
    validation = validate(recogniser.model)
    return {"validation": asdict(validation), "batches": len(batches), "utterances": sum(batches)}


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    os.environ["ASRTRAIN_CACHE"] = sys.argv[2]
    with joined_world() as world:
        found: dict[str, Any] = {name: validated(folder / f"{name}.yaml", world) for name in NAMES}
        found["each"] = world.from_each(["é" * world.rank, {"rank": world.rank, "third": 1 / 3, "nan": float("nan")}])
        answers = [world.soon(lambda at=at: world.rank == at) for at in (0, 1, 99)]  # type: ignore[misc]
        found["soon"] = [answer() for answer in reversed(answers)][::-1]
        weight, meanwhile = torch.nn.Parameter(torch.zeros(2)), list[str]()
        weight.grad = torch.full((2,), float(world.rank))
        numbers = world.sum_gradients([weight], torch.ones(1), lambda: meanwhile.append("the next batch"))
        found["summed"] = [weight.grad.tolist(), numbers.tolist(), meanwhile]
        own = torch.tensor([world.rank, 7]), torch.tensor([world.rank == 0])
        world.take_from_leader(own)
        found["leader's"] = [tensor.tolist() for tensor in own]
    (folder / f"{world.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()

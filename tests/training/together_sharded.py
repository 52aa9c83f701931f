"""What two processes train that hold shards of the model: as ``together.py``, with other scenarios."""

from __future__ import annotations

from typing import Any

import together
from together import EXAMPLES, Scenario, few, for_this_model, label

from asrtrain.clipping import CLIPPERS
from asrtrain.models import MODELS

TAKING = [rule for rule in EXAMPLES if CLIPPERS[rule["name"]](**rule).build(0).takes_shards]
"""Examples of rules that act by shards; some clip all the time, some now and then."""


def sharded(**options: Any) -> Scenario:
    return few(sharding="full", **options)


SCENARIOS: dict[str, Scenario] = {
    **{f"rule {label(rule)}": sharded(clipping=rule) for rule in map(for_this_model, TAKING)},
    **{f"model {name}": sharded(model={"name": name}) for name in MODELS},
    **{f"optimizer {name}": sharded(optimizer={"name": name}) for name in ("adam", "adamw", "rmsprop", "adagrad")},
    "accumulation": sharded(accum_grad=4),
    "a lone utterance": sharded(batch_size=59),
    "a lone utterance and statistics": sharded(model={"name": "cnn"}, batch_size=59),
    "utterances that do not count": sharded(odd=True, accum_grad=2),
    "penalties and an average": sharded(l1=1e-4, l2=1e-3, ema=0.9, penalties="before_clipping"),
}

if __name__ == "__main__":
    together.main(SCENARIOS)

"""Which runs the study is made of, fixed before any of them is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from asrtrain.config.writing import inline

Settings = dict[str, Any]
"""A part of a configuration, as it is written there."""

SEEDS = range(5)
STRATEGIES: Mapping[str, Settings] = {
    "none": {"name": "none"},
    "value": {"name": "value", "threshold": 0.05},
    "norm": {"name": "norm", "threshold": 0.5},
    "layer": {"name": "layer", "threshold": 0.5},
    "random": {"name": "random", "threshold": {"low": 0.25, "high": 1.0}},
    "dynamic": {"name": "dynamic", "threshold": {"quantile": 0.5}},
    "small": {"name": "truncate", "of": "small", "threshold": 0.001},
    "bptt": {"name": "truncate", "of": "bptt", "frames": 20},
}
"""The strategies of the articles, each with one setting for all models: none was tuned."""
MODELS: Mapping[str, Settings] = {
    "RNN": {"name": "rnn", "hidden_size": 64, "nonlinearity": "relu", "pooling": "last", "dropout": 0.0},
    "DRNN": {
        "name": "rnn",
        "hidden_size": 32,
        "num_layers": 3,
        "nonlinearity": "relu",
        "pooling": "last",
        "dropout": 0.0,
    },
    "LSTM": {"name": "lstm", "hidden_size": 48, "pooling": "last", "dropout": 0.0},
    "CNN": {"name": "cnn", "channels": [4, 8, 16], "hidden_size": 32, "pooling": "mean", "dropout": 0.0},
    "MLP": {"name": "mlp", "hidden_sizes": [64, 64], "dropout": 0.0, "frames": 24},
    "tanh RNN": {
        "name": "rnn",
        "hidden_size": 64,
        "nonlinearity": "tanh",
        "recurrent_init_gain": 0.8,
        "pooling": "last",
        "dropout": 0.0,
    },
}
RECURRENT = ("RNN", "DRNN", "LSTM")
OPTIMISERS: Mapping[str, Settings] = {
    "SGD": {"name": "sgd", "momentum": 0.9},
    "Adam": {"name": "adam"},
    "RMSprop": {"name": "rmsprop"},
    "AdamW": {"name": "adamw"},
}
RATES: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "words": {
        "SGD": {"RNN": 0.1, "DRNN": 0.05, "LSTM": 2.0, "CNN": 0.3, "MLP": 0.1},
        "Adam": {"RNN": 0.03, "DRNN": 0.03, "LSTM": 0.03, "CNN": 0.03, "MLP": 0.01},
        "RMSprop": {"RNN": 0.01, "DRNN": 0.01, "LSTM": 0.03, "CNN": 0.01, "MLP": 0.01},
    },
    "strings": {
        "SGD": {"RNN": 0.03, "LSTM": 0.3},
        "Adam": {"RNN": 0.01, "LSTM": 0.01},
        "RMSprop": {"RNN": 0.003, "LSTM": 0.01},
    },
    "speakers": {"Adam": {"RNN": 0.01, "LSTM": 0.01}},
    "regularisation": {"AdamW": {"LSTM": 0.01, "MLP": 0.01}},
    "vanishing": {"Adam": {"tanh RNN": 0.003, "LSTM": 0.01}},
}
"""Learning rates: on words and strings bold, near what unclipped recurrent training survives; elsewhere not."""
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
REGULARISED_EPOCHS = 6


@dataclass(frozen=True)
class Order:
    """A run to be made. speaker is left out of training, and alone tested; empty for the official split."""

    part: str
    model: str
    optimizer: str
    strategy: str
    seed: int
    speaker: str = ""
    dropout: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"

    @property
    def base(self) -> str:
        """The configuration that the run starts from."""
        return "strings.yaml" if self.part == "strings" else "words.yaml"

    @property
    def data(self) -> tuple[str, ...]:
        """What the run changes of the data of its configuration."""
        left_out = f"data.leave_out={self.speaker}"
        return ("data.train.split=all", "data.test.split=all", left_out) if self.speaker else ()

    @property
    def overrides(self) -> tuple[str, ...]:
        """Everything that the run changes of its configuration, as ``--set`` takes it."""
        model = MODELS[self.model] | {"dropout": self.dropout}
        optimizer = OPTIMISERS[self.optimizer] | {"lr": RATES[self.part][self.optimizer][self.model]}
        if self.optimizer == "AdamW":
            optimizer |= {"weight_decay": self.weight_decay}
        epochs = (f"training.max_epochs={REGULARISED_EPOCHS}",) if self.part == "regularisation" else ()
        return (
            *self.data,
            f"seed={self.seed}",
            f"model={inline(model)}",
            f"optimizer={inline(optimizer)}",
            f"schedule={self.schedule}",
            f"clipping={inline(STRATEGIES[self.strategy])}",
            *epochs,
        )


def strategies_for(model: str) -> list[str]:
    """Truncated backpropagation wants a recurrence."""
    return [name for name in STRATEGIES if name != "bptt" or model in RECURRENT]


def _words(seed: int) -> Iterator[Order]:
    for optimizer, rates in RATES["words"].items():
        yield from (Order("words", model, optimizer, name, seed) for model in rates for name in strategies_for(model))


def _strings(seed: int) -> Iterator[Order]:
    for optimizer, rates in RATES["strings"].items():
        for model, name in product(rates, ("none", "value", "norm", "dynamic")):
            yield Order("strings", model, optimizer, name, seed)


def _speakers(seed: int) -> Iterator[Order]:
    for model, name, speaker in product(("RNN", "LSTM"), ("none", "norm"), SPEAKERS):
        yield Order("speakers", model, "Adam", name, seed, speaker=speaker)


def _regularisation(seed: int) -> Iterator[Order]:
    for model, name, dropout, decay, schedule in product(
        ("LSTM", "MLP"), ("none", "norm"), (0.0, 0.3), (0.0, 0.1), ("constant", "one_cycle")
    ):
        yield Order("regularisation", model, "AdamW", name, seed, "", dropout, decay, schedule)


def _vanishing(seed: int) -> Iterator[Order]:
    for name in ("none", "value", "norm", "layer", "dynamic", "bptt"):
        yield Order("vanishing", "tanh RNN", "Adam", name, seed)
    yield Order("vanishing", "LSTM", "Adam", "none", seed)


def everything() -> list[Order]:
    """All runs, seed after seed, so that what is made of a stopped study is of all parts."""
    parts = (_words, _strings, _speakers, _regularisation, _vanishing)
    return [order for seed in SEEDS for part in parts for order in part(seed)]


def quick() -> list[Order]:
    """A few runs of every part, for a minute."""
    few: list[Order] = []
    for seed in (0, 1):
        few += [Order("words", model, "SGD", name, seed) for model in ("RNN", "MLP") for name in ("none", "norm")]
        few += [Order("strings", "LSTM", "Adam", name, seed) for name in ("none", "norm")]
        few += [Order("speakers", "RNN", "Adam", name, seed, speaker="theo") for name in ("none", "norm")]
        few += [
            Order("regularisation", "MLP", "AdamW", name, seed, "", dropout, 0.0, "constant")
            for name, dropout in product(("none", "norm"), (0.0, 0.3))
        ]
        few += [Order("vanishing", "tanh RNN", "Adam", name, seed) for name in ("none", "norm")]
    return few

"""Choosing by the development part how a hidden Markov model is searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch.nn import functional

from asrtrain.hmm.word_models import WordModels
from asrtrain.types import Scores, Targets

PENALTIES = (-160.0, -80.0, -40.0, -20.0, 0.0, 20.0, 40.0, 80.0, 160.0, 320.0)
"""Insertion penalties tried, in nats beside emissions of scale 1: from words that nobody has said to words left out, so
that the best ones have worse ones on both sides, and their middle is as far from either."""

WEIGHTS = (1.0, 2.0, 5.0, 10.0, 20.0)
"""Weights of the language model tried, beside emissions of scale 1."""

SCALES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Acoustic scales tried; of strings the first three."""


@final
@dataclass(frozen=True, slots=True)
class Tuning:
    """What the development part chooses: the acoustic scale, the insertion penalty, the language model's weight."""

    scale: bool = False
    penalty: bool = False
    weight: bool = False


def tune_search(words: WordModels, errors: Callable[[], int], tuning: Tuning) -> None:
    """Set the language model's weight of the fewest word errors, then the penalty, then the scale (these two keep their
    ratio to it), each where it is to be tuned; in the buffers of ``words``.

    ``errors`` searches the development part with the buffers as they are, and counts the wrong words.
    """

    def with_penalty(value: float) -> int:
        words.insertion_penalty.fill_(value)
        return errors()

    own = float(words.acoustic_scale)
    if tuning.weight and words.language is not None:
        if tuning.penalty:
            words.insertion_penalty.fill_(0.0)
        buffer = words.language.weight

        def with_weight(value: float) -> int:
            buffer.fill_(value)
            return errors()

        with_weight(_first_of_best([own * value for value in WEIGHTS], with_weight))
    if tuning.penalty:
        words.insertion_penalty.fill_(_middle_of_best([own * value for value in PENALTIES], with_penalty))
    if tuning.scale:
        beside = [words.insertion_penalty] if tuning.penalty else []
        beside += [words.language.weight] if tuning.weight and words.language is not None else []
        per_scale = [float(buffer) / own for buffer in beside]

        def with_scale(value: float) -> int:
            words.acoustic_scale.fill_(value)
            for buffer, share in zip(beside, per_scale, strict=True):
                buffer.fill_(value * share)
            return errors()

        with_scale(_first_of_best([own * value for value in SCALES[:3]], with_scale))


def tune_confidence(words: WordModels, scored: Sequence[tuple[Scores, Targets]]) -> None:
    """Set the acoustic scale with which the probabilities of single words are right (least cross-entropy)."""
    logits = torch.cat([scores.logits for scores, _ in scored]) / words.acoustic_scale
    targets = torch.cat([targets.values[:, 0] for _, targets in scored]).to(logits.device)

    def loss(scale: float) -> float:
        return float(functional.cross_entropy(scale * logits, targets))

    words.acoustic_scale.fill_(_first_of_best(SCALES, loss))


def _first_of_best(values: Sequence[float], cost: Callable[[float], float]) -> float:
    costs = _costs(values, cost)
    return values[costs.index(min(costs))]


def _middle_of_best(values: Sequence[float], cost: Callable[[float], float]) -> float:
    """Where a small development part cannot tell several apart, the one in the middle is the safest."""
    costs = _costs(values, cost)
    best = [value for value, own in zip(values, costs, strict=False) if own == min(costs)]
    return best[len(best) // 2]


def _costs(values: Sequence[float], cost: Callable[[float], float]) -> list[float]:
    """The costs of the first values: of all, or until two in a row are worse than the best."""
    costs: list[float] = []
    for value in values:
        costs.append(cost(value))
        if len(costs) > 2 and min(costs[-2:]) > min(costs):
            break
    return costs

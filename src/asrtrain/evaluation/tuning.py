"""Choosing by the development part how a hidden Markov model is searched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch.nn import functional

from asrtrain.decoding.interface import Decoder
from asrtrain.evaluation.alignment import align, count
from asrtrain.hmm import HMMModel
from asrtrain.types import Batch, Scores

PENALTIES = (-160.0, -80.0, -40.0, -20.0, 0.0, 20.0, 40.0, 80.0, 160.0, 320.0)
"""Insertion penalties tried, in nats beside emissions of scale 1: from words that nobody has said to words left out, so
that the best ones have worse ones on both sides, and their middle is as far from either."""

WEIGHTS = (1.0, 2.0, 5.0, 10.0, 20.0)
"""Weights of the language model tried, beside emissions of scale 1."""

SCALES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Acoustic scales tried; of strings the first three."""


def tune_search(
    model: HMMModel,
    decoder: Decoder,
    scored: Sequence[tuple[Batch, Scores]],
    texts: Mapping[str, str],
    *,
    scale: bool,
    penalty: bool,
    weight: bool = False,
) -> None:
    """Set the language model's weight of the fewest word errors, then the penalty, then the scale (these two keep their
    ratio to it), each where it is to be tuned; in the model's buffers.

    ``scored`` are the states' scores of the development part, ``texts`` what is said in it, by id.
    """
    words = model.words

    def errors() -> int:
        heard = (hypothesis for batch, scores in scored for hypothesis in decoder(batch.ids, scores, 0.0))
        return sum(count(align(texts[h.id].split(), h.text.split())).errors for h in heard)

    def with_penalty(value: float) -> int:
        words.insertion_penalty.fill_(value)
        return errors()

    own = float(words.acoustic_scale)
    if weight and words.language is not None:
        if penalty:
            words.insertion_penalty.fill_(0.0)
        buffer = words.language.weight

        def with_weight(value: float) -> int:
            buffer.fill_(value)
            return errors()

        with_weight(_first_of_best([own * value for value in WEIGHTS], with_weight))
    if penalty:
        words.insertion_penalty.fill_(_middle_of_best([own * value for value in PENALTIES], with_penalty))
    if scale:
        beside = [words.insertion_penalty] if penalty else []
        beside += [words.language.weight] if weight and words.language is not None else []
        per_scale = [float(buffer) / own for buffer in beside]

        def with_scale(value: float) -> int:
            words.acoustic_scale.fill_(value)
            for buffer, share in zip(beside, per_scale, strict=True):
                buffer.fill_(value * share)
            return errors()

        with_scale(_first_of_best([own * value for value in SCALES[:3]], with_scale))


def tune_confidence(model: HMMModel, scored: Sequence[tuple[Batch, Scores]]) -> None:
    """Set the acoustic scale with which the probabilities of single words are right (least cross-entropy)."""
    logits = torch.cat([scores.logits for _, scores in scored]) / model.words.acoustic_scale
    targets = torch.cat([batch.targets for batch, _ in scored]).to(logits.device)

    def loss(scale: float) -> float:
        return float(functional.cross_entropy(scale * logits, targets))

    model.words.acoustic_scale.fill_(_first_of_best(SCALES, loss))


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

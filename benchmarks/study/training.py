"""Making the runs: many small ones in a process, from the trainer's own parts, with features computed once."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, final

import torch
from explosion import train

from asrtrain.assembly import (
    System,
    build_dataset,
    build_system,
    build_vocabulary,
    cache_folder,
    ordered_loader,
    training_loader,
    with_cached_features,
)
from asrtrain.batching import Loader
from asrtrain.clipping import assemble_clipper
from asrtrain.config import load_config
from asrtrain.evaluation.alignment import align, count
from asrtrain.optim import parameter_groups
from asrtrain.run_config import RunConfig
from asrtrain.training import Ingredients, Validation, World
from study.plan import Order

HERE = Path(__file__).resolve().parent
CPU = torch.device("cpu")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
"""An utterance's number of errors, or of words, as one letter."""


@dataclass(frozen=True)
class Run:
    """What came of an order.

    lost says why a run counts as lost, empty if it does not; clipped_share is of the steps before that. errors and
    words have a letter an utterance of the test data, in the order of the corpus; errors is empty for a run that left
    no finite weights behind. early_before and early_after are the share of the gradient that the first half of an
    utterance has, before and after training, and decades_* by how many powers of ten the first tenth's is larger than
    the last tenth's (medians); only in the part "vanishing".
    """

    part: str
    model: str
    optimizer: str
    strategy: str
    seed: int
    speaker: str
    dropout: float
    weight_decay: float
    schedule: str
    lost: str
    steps: int
    last_loss: float
    clipped_share: float
    errors: str
    words: str
    train_errors: int
    train_words: int
    early_before: float
    early_after: float
    decades_before: float
    decades_after: float
    cpu_seconds: float


@final
class Speech:
    """The recordings of a configuration, with their features."""

    def __init__(self, base: str, data: tuple[str, ...]) -> None:
        config = load_config(HERE / base, RunConfig, list(data))
        self.splits = config.data.load(cache_folder())
        self.vocabulary = build_vocabulary(config, self.splits)
        system = build_system(config, self.vocabulary, CPU)
        self.train = with_cached_features(system, build_dataset(system, self.splits.train))
        self.test = with_cached_features(system, build_dataset(system, self.splits.test))


@cache
def _speech(base: str, data: tuple[str, ...]) -> Speech:
    return Speech(base, data)


def make(order: Order) -> Run:
    """Train once, as ``fit`` does, and score the last weights on the test data and on the training data."""
    began, speech = time.process_time(), _speech(order.base, order.data)
    config = load_config(HERE / order.base, RunConfig, list(order.overrides))
    system = build_system(config, speech.vocabulary, CPU)
    batches = training_loader(system, speech.train, World())
    test, learnt = ordered_loader(system, speech.test), ordered_loader(system, speech.train)
    nowhere = (math.nan, math.nan)
    before = early_gradient(system, test) if order.part == "vanishing" else nowhere
    ingredients = _ingredients(system, speech, batches)
    losses, acted, lost = train(ingredients, config)
    ingredients.clipper.detach()  # what gradients are is asked of the model, not of what a rule would make of them
    last_loss = statistics.median(losses[-batches.batches_per_epoch :])
    errors, said = [], [len(utterance.text.split()) for utterance in speech.splits.test]
    train_errors, after = 0, nowhere
    if not lost:
        errors = _errors(system, speech.splits.test, test)
        train_errors = sum(_errors(system, speech.splits.train, learnt))
        after = early_gradient(system, test) if order.part == "vanishing" else nowhere
        chance = losses[0] if config.task == "transcription" else math.log(len(speech.vocabulary))
        lost = "chance" if last_loss >= chance else ""
    return Run(
        **asdict(order),
        lost=lost,
        steps=len(losses),
        last_loss=last_loss,
        clipped_share=statistics.fmean(acted) if acted else 0.0,
        errors=_letters(errors),
        words=_letters(said),
        train_errors=train_errors,
        train_words=sum(len(utterance.text.split()) for utterance in speech.splits.train),
        early_before=before[0],
        early_after=after[0],
        decades_before=before[1],
        decades_after=after[1],
        cpu_seconds=time.process_time() - began,
    )


def _ingredients(system: System, speech: Speech, batches: Loader) -> Ingredients:
    config = system.config
    return Ingredients(
        front_end=system.front_end,
        model=system.model,
        optimizer=config.optimizer.build(parameter_groups(system.model.named_parameters())),
        schedule=config.schedule.build(
            batches.batches_per_epoch, config.training.max_epochs, config.training.max_steps
        ),
        clipper=assemble_clipper(config.clipping, config.seed),
        batches=batches,
        validate=lambda model: Validation(math.nan, math.nan, "accuracy", higher_is_better=True),
    )


def _errors(system: System, utterances: list[Any], loader: Loader) -> list[int]:
    """Words wrong in every utterance; at most as many as there are letters."""
    heard = system.recognise(loader)
    if system.task == "classification":
        return [int(heard[one.id].text != one.text) for one in utterances]
    pairs = ((one.text.split(), heard[one.id].text.split()) for one in utterances)
    return [min(count(align(said, found)).errors, len(_DIGITS) - 1) for said, found in pairs]


def _letters(counts: list[int]) -> str:
    """``02100``, a letter an utterance; ``300*1`` where all are the same."""
    if len(set(counts)) == 1:
        return f"{len(counts)}*{_DIGITS[counts[0]]}"
    return "".join(_DIGITS[number] for number in counts)


def numbers(letters: str) -> list[int]:
    """The numbers of ``errors`` and ``words``."""
    times, star, letter = letters.partition("*")
    return [_DIGITS.index(one) for one in (letter * int(times) if star else letters)]


def early_gradient(system: System, loader: Loader) -> tuple[float, float]:
    """How much of ∂L/∂x_t the early frames of an utterance have, L being its own loss: (share, decades).

    share = Σ_{t<T/2} ‖∂L/∂x_t‖ / Σ_t ‖∂L/∂x_t‖, the mean over utterances, is a half where gradients neither vanish nor
    explode on their way back; decades = log10 of the mean of ‖∂L/∂x_t‖ over the first tenth by that over the last, the
    median over utterances, is then 0.
    """
    model = system.model.eval()
    shares: list[float] = []
    decades: list[float] = []
    for batch in loader.epoch(0):
        frames = batch.features.clone().requires_grad_()
        loss = model(replace(batch, features=frames)).per_utterance.sum()
        norms = torch.autograd.grad(loss, frames)[0].double().norm(dim=2)
        for one, length in zip(norms, batch.lengths.tolist(), strict=True):
            own, tenth = one[:length], max(1, length // 10)
            tiny = torch.finfo(torch.float32).tiny
            shares.append(float(own[: length // 2].sum() / own.sum().clamp(min=tiny)))
            decades.append(float((own[:tenth].mean().clamp(min=tiny) / own[-tenth:].mean().clamp(min=tiny)).log10()))
    return statistics.fmean(shares), statistics.median(decades)

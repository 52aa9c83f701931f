"""From a configuration to the objects of a run with hidden Markov models: assembly, where these differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from asrtrain.assembly import (
    Recogniser,
    augmented_loader,
    build_dataset,
    build_ingredients,
    development_check,
    development_dataset,
    ordered_loader,
)
from asrtrain.batching import Dataset, Loader, counter_seed
from asrtrain.batching.bounds import batch_room
from asrtrain.batching.checking import check_recordings
from asrtrain.batching.grouped import GroupedSampler
from asrtrain.data.data_config import Splits
from asrtrain.errors import UsageError
from asrtrain.evaluation import score
from asrtrain.evaluation.tuning import tune_confidence, tune_search
from asrtrain.hmm import (
    DNNHMM,
    GMMHMM,
    LFMMI,
    BaumWelch,
    DNNHMMConfig,
    GMMHMMConfig,
    HMMModel,
    LFMMIConfig,
    TopologyConfig,
)
from asrtrain.hmm.frame_cross_entropy import FrameCrossEntropy
from asrtrain.hmm.segments import Segments, segments
from asrtrain.hmm.word_models import WordModels
from asrtrain.models.interface import AcousticModel
from asrtrain.objectives.interface import Objective
from asrtrain.training import Ingredients, World
from asrtrain.training.reestimation import Reestimation
from asrtrain.types import Batch, Seconds, Utterance

TUNED_WORDS = 500
"""How many words of the development part, at least, tell which settings of the search are better."""


def build_reestimation(recogniser: Recogniser, splits: Splits) -> Reestimation:
    """Everything that passes of re-estimation turn into a GMM-HMM, in one process. Raises UsageError, DataError."""
    config, model = recogniser.config, recogniser.model
    assert isinstance(model, GMMHMM)
    assert isinstance(config.model, GMMHMMConfig)
    learn_language(recogniser, splits.train)
    dataset = build_dataset(recogniser, splits.train)
    check_recordings(dataset, splits.train, config.training)
    if recogniser.front_end.needs_fit:
        recogniser.front_end.fit(dataset.waveform_batches())
    batches = same_word_loader(recogniser, dataset).epoch
    training = BaumWelch(
        model, config.model, batches, passes=config.training.max_epochs, seed=partial(counter_seed, config.seed)
    )
    some = _enough_to_tune(recogniser, splits.dev)
    development = ordered_loader(recogniser, development_dataset(recogniser, some))

    def run_pass(number: int) -> float:
        log_likelihood = training.run_pass(number)
        if number + 1 == config.training.max_epochs:
            tune(recogniser, development, some)
        return log_likelihood

    check = development_check(recogniser, splits.dev)
    return Reestimation(recogniser.front_end, model, run_pass, lambda: model.words.used, check)


def build_hybrid(
    recogniser: Recogniser,
    splits: Splits,
    aligner: Recogniser,
    start: Recogniser | None = None,
    world: World | None = None,
) -> Ingredients:
    """Everything that the training loop turns into a hybrid, which learns the states that ``aligner`` finds and begins
    with the weights of ``start``.

    Raises UsageError for an aligner with other states or frames, and for a start with another network.
    """
    model = recogniser.model
    assert isinstance(model, DNNHMM)
    words = _same_states(recogniser, aligner)
    # Whatever cannot be used is told of before the minutes that aligning takes.
    learn_language(recogniser, splits.train)
    if words.tying is not None:
        model.words.retie(words.tying)
    if start is not None:
        model.network.load_state_dict(_same_network(recogniser, start).state_dict())
    states = align(aligner, splits.train)
    found = torch.cat(list(states.values()))
    counts = torch.bincount(found[found >= 0], minlength=words.distributions)
    model.words.transitions.copy_(words.transitions)
    model.words.occupancy.copy_(counts)
    ingredients = build_ingredients(recogniser, splits, world)  # measures the front end first
    some = _enough_to_tune(recogniser, splits.dev)
    development = ordered_loader(recogniser, development_dataset(recogniser, some))

    def tune_kept(_: nn.Module) -> None:
        tune(recogniser, development, some)

    objective: Objective = FrameCrossEntropy(states)
    if isinstance(recogniser.config.objective, LFMMIConfig):
        objective = LFMMI(model, recogniser.config.objective, objective)
    return replace(ingredients, objective=objective, tune=tune_kept)


def learn_language(recogniser: Recogniser, utterances: Sequence[Utterance]) -> None:
    """Give the model its language model, where one is wanted. Raises DataError for an ARPA file that does not fit."""
    settings, model = recogniser.config.model, recogniser.model
    assert isinstance(settings, TopologyConfig)
    assert isinstance(model, HMMModel)
    if settings.language_model is not None and model.words.language is not None:
        transcripts = [utterance.text for utterance in utterances]
        model.words.language.take(settings.language_model.bigrams(model.words.sayable, transcripts))


def _same_states(recogniser: Recogniser, aligner: Recogniser) -> WordModels:
    """The aligner's words. Raises UsageError where they are not the recogniser's, or its frames lie elsewhere."""
    own, other = recogniser.model, aligner.model
    assert isinstance(own, HMMModel)
    if not isinstance(other, HMMModel):
        raise UsageError(
            f"model.align_from: a run of {aligner.config.model.name} has no states; name a run of gmm_hmm or dnn_hmm"
        )
    if own.words.inventory != other.words.inventory or own.words.distributions != other.words.distributions:
        raise UsageError(
            f"model.align_from: that run has other states ({other.words.distributions}, and here are "
            f"{own.words.distributions}): give it the same words in data and the same model.unit, context, max_states, "
            "lexicon, states, silence_states, skip, pause and short_pause"
        )
    for key in ("frame_shift", "subsample", "stack", "trim"):
        if getattr(recogniser.config.features, key, None) != getattr(aligner.config.features, key, None):
            raise UsageError(f"model.align_from: that run has another features.{key}, so that its frames lie elsewhere")
    return other.words


def _same_network(recogniser: Recogniser, start: Recogniser) -> AcousticModel:
    """The network of ``start``. Raises UsageError where it is another one, or scores other states."""
    own, other = recogniser.config.model, start.config.model
    assert isinstance(own, DNNHMMConfig)
    assert isinstance(recogniser.model, DNNHMM)
    if not isinstance(other, DNNHMMConfig) or not isinstance(start.model, DNNHMM):
        raise UsageError(f"model.start_from: a run of {other.name} is no hybrid; name a run of dnn_hmm")
    if own.acoustic != other.acoustic or recogniser.config.features != start.config.features:
        raise UsageError("model.start_from: that run has another model.acoustic or other features; give both the same")
    if not _equal(recogniser.model.words, start.model.words):
        raise UsageError(
            "model.start_from: that run has other states; let both align from the same run, or name it there"
        )
    return start.model.network


def _equal(own: WordModels, other: WordModels) -> bool:
    """Whether states are the same, and tied alike."""
    if own.inventory != other.inventory:
        return False
    every = torch.arange(own.inventory.states, device=own.transitions.device)
    return torch.equal(own.tied(every), other.tied(every))


def same_word_loader(recogniser: Recogniser, dataset: Dataset) -> Loader:
    """Batches of recordings of one word, which have few states to score; of strings, in the order of length."""
    training = recogniser.config.training
    groups = dataset.targets if recogniser.task == "classification" else [()] * len(dataset)
    sampler = GroupedSampler(
        dataset.seconds,
        groups,
        batch_size=training.batch_size,
        batch_seconds=batch_room(dataset.seconds, training),
    )
    return augmented_loader(recogniser, dataset, sampler, World())


def _enough_to_tune(recogniser: Recogniser, utterances: Sequence[Utterance]) -> Sequence[Utterance]:
    """All utterances, or of strings every n-th, with ``TUNED_WORDS`` words: they are recognised a dozen times."""
    if recogniser.task == "classification":
        return utterances
    words = sum(len(utterance.text.split()) for utterance in utterances)
    return utterances[:: max(1, words // TUNED_WORDS)]


def tune(recogniser: Recogniser, development: Loader, utterances: Sequence[Utterance]) -> None:
    """Choose how states are searched by the development utterances, where that is not given."""
    model, settings = recogniser.model, recogniser.config.model
    assert isinstance(model, HMMModel)
    assert isinstance(settings, TopologyConfig)
    scored = list(score(model, development.epoch(0), recogniser.device))
    scale, penalty = settings.acoustic_scale is None, settings.insertion_penalty is None
    if recogniser.task == "transcription":
        texts = {utterance.id: utterance.text for utterance in utterances}
        weight = settings.language_model is not None and settings.language_model.weight is None
        tune_search(model, recogniser.decoder, scored, texts, scale=scale, penalty=penalty, weight=weight)
    elif scale:
        tune_confidence(model, scored)


def align(recogniser: Recogniser, utterances: Sequence[Utterance]) -> dict[str, torch.Tensor]:
    """The state of every frame (T,) on the best path through what is said, by the utterance's id; see WordModels.align.

    Raises UsageError for a recogniser without states.
    """
    model = _with_states(recogniser)
    found: dict[str, torch.Tensor] = {}
    for batch, emissions in _scored(recogniser, model, development_dataset(recogniser, utterances)):
        states = model.words.align(emissions, batch.lengths, model.words.transcripts(batch)).cpu()
        rows = zip(batch.ids, states, batch.lengths.tolist(), strict=True)
        found |= {id_: row[:length].clone() for id_, row, length in rows}
    return found


def align_in_segments(
    recogniser: Recogniser, utterances: Sequence[Utterance], name: str, among: Sequence[Utterance] | None = None
) -> dict[str, tuple[Segments, Seconds] | None]:
    """The states, units and words of every utterance in frames, and where in its recording the first frame begins,
    by its id; None for one too short for what is said. Says under ``name`` what is wrong with recordings; ``among`` is
    as in ``scoring_dataset``.

    Raises UsageError for a recogniser without states, DataError for words that it does not know.
    """
    model = _with_states(recogniser)
    words, symbols = model.words, model.words.vocabulary.symbols
    found: dict[str, tuple[Segments, Seconds] | None] = {}
    dataset = development_dataset(recogniser, utterances, among)
    dataset.tell(name)
    for batch, emissions in _scored(recogniser, model, dataset):
        transcripts = words.transcripts(batch)
        paths = words.paths(emissions, batch.lengths, transcripts).tolist()
        rows = zip(batch.ids, transcripts, paths, batch.lengths.tolist(), batch.starts, strict=True)
        for id_, said, path, frames, start in rows:
            named, inside = [symbols[word] for word in said], path[:frames]
            found[id_] = None if min(inside) < 0 else (segments(words.inventory, named, inside), start)
    return found


@torch.no_grad()
def _scored(recogniser: Recogniser, model: HMMModel, dataset: Dataset) -> Iterator[tuple[Batch, torch.Tensor]]:
    """Batches on the device with their states' scores (B, T, S)."""
    model.eval()
    for batch in ordered_loader(recogniser, dataset).epoch(0):
        here = batch.to(recogniser.device)
        yield here, model.emissions(here.features, here.lengths)


def _with_states(recogniser: Recogniser) -> HMMModel:
    if isinstance(recogniser.model, HMMModel):
        return recogniser.model
    raise UsageError(f"model {recogniser.config.model.name} has no states to align; give a run of gmm_hmm or dnn_hmm")

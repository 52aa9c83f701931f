"""Faults planted on purpose are found: which module, which direction, which utterance, which frame.

``pytest tests/diagnosis/test_planted_faults.py -s`` prints the score.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
import torch
from spoken_networks import NETWORKS, OTHERS, network, trained, transcriber, transcribing
from torch import nn

from asrtrain.diagnosis import Case, Explanation, Network, explain
from asrtrain.training.injection import InjectionConfig, Injector
from asrtrain.types import Batch, Frames, Part

SCORES = "heads.cross_entropy.output.linear"
MODULES = {
    "rnn": ("encoder.layers.0.forwards", "encoder.layers.0.backwards", SCORES),
    "lstm": (
        "encoder.layers.0.forwards",
        "encoder.layers.0.backwards",
        "encoder.layers.1.backwards",
        "heads.cross_entropy.output.linear",
    ),
    "cnn": (
        "encoder.front.blocks.0.conv",
        "encoder.front.blocks.0.nonlinearity",
        "encoder.over_time",
        "encoder.norm",
        "heads.cross_entropy.output.linear",
    ),
    "cnn_rnn": (
        "encoder.front.blocks.0.norm",
        "encoder.centre",
        "encoder.layers.0.forwards",
        "encoder.layers.0.backwards",
    ),
}
KINDS = ("nan", "inf", "spike", "overflow")


@dataclass(frozen=True)
class Fault:
    model: str
    module: str
    direction: str
    kind: str
    batch: int
    row: int
    frame: int

    def planted(self, batch: Batch) -> InjectionConfig:
        where = {"utterance": batch.ids[self.row], "frame": self.frame}
        if self.module != "features":
            where["module"] = self.module
        return InjectionConfig.model_validate(
            {"step": 1, "kind": self.kind, "where": where, "direction": self.direction, "factor": 1e4}
        )


def all_faults() -> list[Fault]:
    """Every module in both directions with two kinds each, and NaN features; utterances and frames drawn at random."""
    draw = random.Random(5)
    kinds = (kind for _ in iter(int, 1) for kind in KINDS)
    faults = []
    for model, modules in MODULES.items():
        for module in modules:
            for direction in ("forward", "backward"):
                faults += [Fault(model, module, direction, next(kinds), *_drawn(draw)) for _ in range(2)]
            next(kinds)
        faults.append(Fault(model, "features", "forward", "nan_feature", *_drawn(draw)))
    return faults


def _drawn(draw: random.Random) -> tuple[int, int, int]:
    return draw.randrange(6), draw.randrange(8), draw.randrange(5)


def found(spoken: Network, batches: list[Batch], fault: Fault) -> Explanation:
    batch = batches[fault.batch]
    planted = Injector(spoken.model, [fault.planted(batch)]).due(1, [batch])
    return explain(spoken, Case(batch, 1, 1, sound=(batches[fault.batch - 1],), planted=planted))


def is_exact(explanation: Explanation, fault: Fault, spoken: Network, batch: Batch) -> bool:
    producer = explanation.producer
    if producer is None or (producer.module, producer.direction) != (fault.module, fault.direction):
        return False
    if explanation.utterance != batch.ids[fault.row]:
        return False
    timed = fault.module == "features" or isinstance(spoken.model.get_submodule(fault.module), nn.RNNBase)
    return not timed or (explanation.frame is not None and explanation.frame.index == fault.frame)


@pytest.fixture(scope="module")
def networks(batches: list[Batch]) -> dict[str, tuple[Network, Network]]:
    """Fresh, and in the middle of training."""
    return {name: (network(name), trained(name, batches)) for name in NETWORKS}


def test_planted_faults_are_named_exactly(batches, networks):
    faults = all_faults()
    assert len(faults) >= 60
    assert {fault.kind for fault in faults} == {*KINDS, "nan_feature"}
    missed = []
    for number, fault in enumerate(faults):
        spoken = networks[fault.model][number // 2 % 2]
        explanation = found(spoken, batches, fault)
        if not is_exact(explanation, fault, spoken, batches[fault.batch]):
            missed.append(f"{fault}: {explanation.verdict}")
    score = 1 - len(missed) / len(faults)
    print(f"\n{len(faults) - len(missed)} of {len(faults)} planted faults named exactly ({100 * score:.1f} %)")  # noqa: T201 - with -s
    assert score >= 0.95, "\n".join(missed)


def test_sound_steps_blame_nobody(batches, networks):
    clean = [(spoken, i) for pair in networks.values() for spoken in pair for i in range(2)]
    clean += [(network(name), 2) for name in OTHERS]
    assert len(clean) == 20
    for spoken, i in clean:
        explanation = explain(spoken, Case(batches[i], 1, 1, sound=(batches[i + 1],)))
        assert explanation.producer is None, explanation.verdict
        assert explanation.repeats
        assert explanation.verdict.startswith("Nothing stands out")
        # Half of what would be blamed: the bar is not grazed.
        assert max(max(m.forward_excess, m.backward_excess) for m in explanation.modules) < 1.0


def test_sound_steps_blame_nobody_without_another_batch_to_compare_with(batches, networks):
    for fresh, grown in networks.values():
        for spoken in (fresh, grown):
            assert explain(spoken, Case(batches[0], 1, 1)).producer is None


@pytest.mark.parametrize("name", list(NETWORKS))
def test_an_utterance_too_short_for_its_transcript_is_named(batches, name):
    batch, spoken = transcribing(batches[0]), transcriber(name)
    fault = InjectionConfig.model_validate({"step": 1, "kind": "infeasible_utterance", "where": batch.ids[4]})
    planted = Injector(spoken.model, [fault]).due(1, [batch])
    explanation = explain(spoken, Case(batch, 1, 1, sound=(transcribing(batches[1]),), planted=planted))
    assert explanation.producer is not None
    assert (explanation.producer.module, explanation.utterance) == ("heads.ctc", batch.ids[4])
    assert explanation.infeasible == (batch.ids[4],)
    facts = next(fact for fact in explanation.utterances if fact.id == batch.ids[4])
    assert facts.feasible is False
    assert facts.labels + facts.repeats > facts.scored
    assert explain(spoken, Case(batch, 1, 1, sound=(transcribing(batches[1]),))).producer is None


def test_an_utterance_that_has_no_alignment_is_named_whatever_the_objective(batches: list[Batch]) -> None:
    batch, spoken = transcribing(batches[0]), transcriber("lstm")
    own = spoken.model.head.part

    def part(frames: Frames, batch_: Batch) -> Part:
        """As a hybrid, which counts no utterance that could not be aligned."""
        losses = own(frames, batch_)
        aligned = torch.tensor([id_ != batch.ids[4] for id_ in batch_.ids])
        return Part(losses.per_utterance * aligned, aligned)

    spoken.model.head.part = part
    explanation = explain(spoken, Case(batch, 1, 1))
    assert explanation.infeasible == (batch.ids[4],)
    assert f"too few frames for what is said in {batch.ids[4]}" in explanation.verdict

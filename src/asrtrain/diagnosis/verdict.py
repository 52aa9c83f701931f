"""The explanation in a sentence, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from asrtrain.diagnosis.facts import Frame, ParameterFacts, Producer, UtteranceFacts
from asrtrain.diagnosis.taps import FEATURES

_RECURRENT = ("RNN", "LSTM", "GRU")


def verdict_on(
    producer: Producer | None,
    utterance: UtteranceFacts | None,
    frame: Frame | None,
    *,
    utterances: int,
    repeats: bool,
) -> str:
    """One sentence: where, in which direction, with whom, when."""
    if producer is None:
        alone = f"; utterance {utterance.id} alone has a gradient far above the others'" if utterance else ""
        said = f"Nothing stands out: every module behaves on this batch as it usually does{alone}"
    else:
        inside = f"in {producer.module} ({producer.kind})"
        where = "before the model, in its features" if producer.module == FEATURES else inside
        who = f"utterance {utterance.id}" if utterance else f"all {utterances} utterances alike"
        when = f", at frame {frame.index} of {frame.of}" if frame else ""
        said = f"It began {where}, in the {producer.direction} pass, with {who}{when}: {producer.how}"
    unlike = "" if repeats else "; but two replays differ, so the machine or its arithmetic may be at fault"
    return f"{said}{unlike}."


def suggestion_for(
    producer: Producer | None, utterance: UtteranceFacts | None, odd: Sequence[ParameterFacts], usual_norm: float | None
) -> str:
    """A setting that would have helped; ``usual_norm`` is that of a sound step, if it is known."""
    clip = f"clipping: {{name: norm, threshold: {2 * (usual_norm or 0.5):.2g}}}"
    if any(fact.not_finite for fact in odd):
        return (
            "The weights are lost: begin again from an earlier checkpoint, and let training.on_nonfinite "
            "{loss: rollback, gradient: rollback} keep them from being lost again."
        )
    if odd:
        return (
            f"Begin again from a checkpoint before that weight was learned; {clip} bounds steps that make such weights."
        )
    if producer is None:
        return f"If such steps hurt, {clip} bounds them."
    if producer.excess == 0.0:
        return (
            "Shorten the transcript, lower the model's subsampling, or leave the recording out, as training does now."
        )
    if math.isinf(producer.excess):
        about = f"Look at the recording of {utterance.id}; " if utterance else ""
        key = "loss" if producer.direction == "forward" else "gradient"
        reaction = "drop_utterance" if utterance else "skip"
        return f"{about}training.on_nonfinite.{key}: {reaction} lets the run go on without it, and counts it."
    about = f"Look at the recording of {utterance.id}; " if utterance and producer.module == FEATURES else ""
    below = "" if usual_norm is None else " at twice the usual norm"
    gentler = "; a lower optimizer.lr or, for rnn, model.recurrent_init_gain keeps a recurrence from growing"
    return f"{about}{clip} bounds such a step{below}{gentler if producer.kind in _RECURRENT else ''}."

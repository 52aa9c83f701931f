"""Baum-Welch training beside hmmlearn's, in one run, on one thread: ratios of CPU time for the same frames.

The same model (left to right, mixtures of diagonal Gaussians, the same first parameters) passes over the same frames
equally often: 39 MFCCs of recordings of one digit of FSDD. ``ASRTRAIN_CORPORA`` says where FSDD is.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from command_line import options_of, show
from hmmlearn.hmm import GMMHMM
from timing import interleaved

from asrtrain.data.audio import read_audio
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.hmm.composition import Link, sequence
from asrtrain.hmm.forward_backward import posteriors
from asrtrain.hmm.gaussians import DiagonalGaussians
from asrtrain.hmm.graph import IMPOSSIBLE, NEXT, STAY, batched
from asrtrain.hmm.maximisation import Floors, reestimate, reestimate_transitions
from asrtrain.hmm.statistics import Statistics, accumulate

CORPORA = Path(os.environ.get("ASRTRAIN_CORPORA", Path(__file__).resolve().parents[2] / "shared" / "corpora"))
STATES, COMPONENTS, BATCH = 8, 3, 128


def speech(count: int) -> list[torch.Tensor]:
    """Features (T, 39) of recordings of "seven", the shortest first."""
    front_end = MFCCConfig(sample_rate=8000, deltas=2).build()
    found = []
    for path in sorted((CORPORA / "fsdd" / "recordings").glob("7_*.wav"))[:count]:
        samples = torch.from_numpy(read_audio(path, 8000).samples)
        features, _ = front_end(samples[None], torch.tensor([len(samples)]))
        found.append(features[0])
    return sorted((features for features in found if len(features) >= STATES), key=len)


def even_start(utterances: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Means (S, M, F) of every utterance cut into S equal parts, a little apart within a state; variances of all."""
    parts = [torch.cat(cut) for cut in zip(*(u.tensor_split(STATES) for u in utterances), strict=True)]
    variances = torch.cat(utterances).var(0).expand(STATES, COMPONENTS, -1).double()
    offsets = torch.linspace(-0.5, 0.5, COMPONENTS)[None, :, None] * variances.sqrt()
    return torch.stack([part.mean(0) for part in parts])[:, None].double() + offsets, variances


def ours(utterances: list[torch.Tensor], passes: int) -> float:
    """Train; the log-likelihood of a frame in the last pass."""
    gaussians = DiagonalGaussians(STATES, COMPONENTS, utterances[0].shape[1])
    means, variances = even_start(utterances)
    gaussians.log_weights.fill_(1 / COMPONENTS).log_()
    gaussians.means.copy_(means)
    gaussians.variance.copy_(variances)
    transitions = torch.full((STATES, 3), IMPOSSIBLE, dtype=torch.float64)
    transitions[:, [STAY, NEXT]] = torch.tensor(0.5, dtype=torch.float64).log()
    floors = Floors(1e-3 * torch.ones(utterances[0].shape[1], dtype=torch.float64))
    word = sequence([Link(tuple(range(STATES)))])
    batches = [utterances[first : first + BATCH] for first in range(0, len(utterances), BATCH)]
    for _ in range(passes):
        statistics = Statistics.nothing(gaussians)
        for batch in batches:
            features = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
            lengths = torch.tensor([len(u) for u in batch])
            graph = batched([word] * len(batch), transitions)
            scores = gaussians(features.flatten(0, 1), torch.arange(STATES)).view(*features.shape[:2], STATES)
            found = posteriors(graph, scores, lengths)
            accumulate(statistics, gaussians, graph, found, features=features, lengths=lengths)
        reestimate(gaussians, statistics, floors)
        reestimate_transitions(transitions, statistics.transitions, 1e-6)
    return statistics.mean_log_likelihood


def theirs(utterances: list[torch.Tensor], passes: int, implementation: str) -> float:
    """Train; the log-likelihood of a frame in the last pass. A left-to-right mask is zeros that stay zeros."""
    model = GMMHMM(
        STATES,
        COMPONENTS,
        covariance_type="diag",
        init_params="",
        n_iter=passes,
        tol=-np.inf,
        implementation=implementation,
    )
    model.startprob_ = np.eye(STATES)[0]
    model.transmat_ = 0.5 * np.eye(STATES) + 0.5 * np.eye(STATES, k=1)
    model.transmat_[-1, -1] = 1.0
    model.weights_ = np.full((STATES, COMPONENTS), 1 / COMPONENTS)
    means, variances = even_start(utterances)
    model.means_, model.covars_ = means.numpy(), variances.numpy().copy()
    frames = torch.cat(utterances).double().numpy()
    model.fit(frames, [len(u) for u in utterances])
    return float(model.monitor_.history[-1]) / len(frames)


def measure(count: int, passes: int, rounds: int) -> dict[str, float]:
    utterances = speech(count)
    medians = interleaved(
        {
            "asrtrain": lambda: ours(utterances, passes),
            "log": lambda: theirs(utterances, passes, "log"),
            "scaling": lambda: theirs(utterances, passes, "scaling"),
        },
        rounds,
    )
    return {
        "ratio_to_hmmlearn_log": medians["log"] / medians["asrtrain"],
        "ratio_to_hmmlearn_scaling": medians["scaling"] / medians["asrtrain"],
        "log_likelihood_of_a_frame": ours(utterances, passes),
        "log_likelihood_of_a_frame_in_hmmlearn": theirs(utterances, passes, "log"),
    }


def main() -> dict[str, float]:
    parser = options_of(__doc__)
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures = measure(100, 3, 3) if options.quick else measure(300, 8, 7)
    show(figures, options.format)
    return figures


if __name__ == "__main__":
    main()

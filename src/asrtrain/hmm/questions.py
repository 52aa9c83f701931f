"""Questions for the decision tree, made from the speech itself: sets of phones that sound alike."""

from __future__ import annotations

import torch

from asrtrain.hmm.decision_tree import log_likelihood


def similar(sums: torch.Tensor, floor: torch.Tensor) -> torch.Tensor:
    """Sets of P phones (2P − 1, P) bool: each alone, and the clusters on the way to the set of all.

    ``sums`` (P, K, 1 + 2F) are those of the K states of each phone, see ``decision_tree``. The two clusters whose
    frames lose least of their log-likelihood when they share K Gaussians become one (as in Kaldi's cluster-phones, but
    from single phones upwards).
    """
    phones = len(sums)
    sets = torch.zeros(2 * phones - 1, phones, dtype=torch.bool)
    sets[:phones] = torch.eye(phones, dtype=torch.bool)
    clusters = sums.new_zeros(2 * phones - 1, *sums.shape[1:])
    clusters[:phones] = sums
    alone = log_likelihood(clusters, floor).sum(1)
    losses = alone.new_full((2 * phones - 1, 2 * phones - 1), torch.inf)

    def meet(new: int) -> None:
        """What a cluster would lose with each one before it that is not part of another."""
        there = free[:new].nonzero()[:, 0]
        together = log_likelihood(clusters[there] + clusters[new], floor).sum(1)
        losses[new, there] = alone[there] + alone[new] - together
        free[new] = True

    free = torch.zeros(2 * phones - 1, dtype=torch.bool)
    for phone in range(phones):
        meet(phone)
    for new in range(phones, 2 * phones - 1):
        pair = list(divmod(int(losses.argmin()), len(losses)))
        sets[new] = sets[pair].any(0)
        clusters[new] = clusters[pair].sum(0)
        alone[new] = log_likelihood(clusters[new], floor).sum()
        free[pair] = False
        losses[pair] = torch.inf
        losses[:, pair] = torch.inf
        meet(new)
    return sets

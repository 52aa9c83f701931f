"""Which states of triphones share a distribution, found by a decision tree from what was counted for each."""

from __future__ import annotations

import torch

from asrtrain.hmm.decision_tree import TreeConfig, grow
from asrtrain.hmm.inventory import SILENCE, Inventory
from asrtrain.hmm.questions import similar
from asrtrain.hmm.statistics import Statistics
from asrtrain.hmm.triphones import Triphone


def tie(
    inventory: Inventory, statistics: Statistics, settings: TreeConfig, *, floor: torch.Tensor, most: int
) -> torch.Tensor:
    """The distribution of each of the inventory's L states (L,), of ``most`` at most, silence's first and its own.

    ``statistics`` has a Gaussian for each state. There is a tree for every place in every phone, and a triphone that
    was never seen goes where its neighbours lead it. Variances are at least ``floor`` (F,).
    """
    sums, device, floor = _sums(statistics).cpu(), floor.device, floor.cpu()
    monophones, silence = torch.tensor(inventory.monophones), inventory.sizes[SILENCE]
    roots = [(monophones == number).nonzero()[:, 0] for number in range(silence, int(monophones.max()) + 1)]
    answers = _answers(inventory, torch.stack([sums[rows].sum(0) for rows in roots]), floor)
    tying = torch.arange(inventory.states)
    leaves = grow(roots, sums, answers, settings, floor=floor, most=most - silence)
    for number, rows in enumerate(leaves, start=silence):
        tying[rows] = number
    return tying.to(device)


def _sums(statistics: Statistics) -> torch.Tensor:
    """Counts, sums and sums of squares of every state: (L, 1 + 2F)."""
    second = statistics.second[:, 0]
    squares = second.diagonal(dim1=1, dim2=2) if second.dim() == 3 else second
    return torch.cat([statistics.occupancy, statistics.first[:, 0], squares], 1)


def _answers(inventory: Inventory, sums: torch.Tensor, floor: torch.Tensor) -> torch.Tensor:
    """Whether the left, and whether the right neighbour of each state is in a set of similar phones: (Q, L) bool.

    ``sums`` are those of all phones' states, one phone after another. The edge of a word is in no set, so that the set
    of all phones asks for it.
    """
    triphones = [unit for unit, _ in inventory.places if isinstance(unit, Triphone)]
    phones = {phone: number for number, phone in enumerate(dict.fromkeys(one.centre for one in triphones))}
    sets = similar(sums.view(len(phones), -1, sums.shape[1]), floor)
    sets = torch.cat([sets, sets.new_zeros(len(sets), 1)], 1)
    silence = sets.new_zeros(2 * len(sets), inventory.sizes[SILENCE])
    left = torch.tensor([len(phones) if one.left is None else phones[one.left] for one in triphones])
    right = torch.tensor([len(phones) if one.right is None else phones[one.right] for one in triphones])
    return torch.cat([silence, torch.cat([sets[:, left], sets[:, right]])], 1)

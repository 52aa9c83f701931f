"""CTC needs a frame for every label and one more between equal neighbours: not 2L + 1 frames."""

from itertools import pairwise, product

import torch

BLANK = 0


def spelt(path: tuple[int, ...]) -> list[int]:
    """What a path of symbols spells: repeats are merged, then blanks removed (Graves et al., 2006)."""
    merged = [symbol for symbol, before in zip(path, (None, *path), strict=False) if symbol != before]
    return [symbol for symbol in merged if symbol != BLANK]


print("labels     2L + 1  needed  frames  paths  loss of CTC")
for labels in ([1, 2, 3], [1, 1, 2], [1, 1, 1]):
    needed = len(labels) + sum(one == other for one, other in pairwise(labels))
    for frames in (needed - 1, needed):
        paths = sum(spelt(path) == labels for path in product(range(4), repeat=frames))
        scores = torch.zeros(frames, 1, 4).log_softmax(2)
        loss = torch.nn.functional.ctc_loss(scores, torch.tensor([labels]), [frames], [len(labels)], reduction="sum")
        print(f"{labels}  {2 * len(labels) + 1:6}  {needed:6}  {frames:6}  {paths:5}  {loss.item():7.3f}")

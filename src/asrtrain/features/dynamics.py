"""What is made of neighbouring frames: deltas, splicing, stacking, subsampling. All see real frames only."""

from __future__ import annotations

import torch


def deltas(features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The slope of each feature (B, T, F) over five frames, the first and last real frame repeated beyond the ends.

    d[t] = (x[t+1] − x[t−1] + 2(x[t+2] − x[t−2])) / 10, the least-squares slope (Furui, 1986; HTK; torchaudio).
    """
    x = _widened(features, lengths, 2, 2)
    slope = x[:, 3:-1] - x[:, 1:-3]
    return slope.add_(x[:, 4:] - x[:, :-4], alpha=2).mul_(0.1)


def splice(features: torch.Tensor, lengths: torch.Tensor, left: int, right: int) -> torch.Tensor:
    """Each frame (B, T, F) joined with ``left`` frames before and ``right`` after it: (B, T, F·(left + 1 + right))."""
    x = _widened(features, lengths, left, right)
    frames = features.shape[1]
    return torch.cat([x[:, k : k + frames] for k in range(left + right + 1)], 2)


def stack(features: torch.Tensor, lengths: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Every ``count`` frames (B, T, F) joined to one (B, ⌈T/count⌉, F·count), the last filled up with zeros."""
    missing = -features.shape[1] % count
    if missing:
        features = torch.cat([features, features.new_zeros(len(features), missing, features.shape[2])], 1)
    return features.reshape(len(features), -1, count * features.shape[2]), ceil_divide(lengths, count)


def subsample(features: torch.Tensor, lengths: torch.Tensor, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Every ``step``-th frame, beginning with the first: (B, ⌈T/step⌉, F)."""
    return features[:, ::step], ceil_divide(lengths, step)


def ceil_divide(lengths: torch.Tensor, divisor: int) -> torch.Tensor:
    """⌈lengths / divisor⌉ in integers."""
    return (lengths + divisor - 1) // divisor


def _widened(features: torch.Tensor, lengths: torch.Tensor, left: int, right: int) -> torch.Tensor:
    """(B, left + T + right, F): the first real frame repeated before, and the last one wherever there is padding."""
    count, frames, size = features.shape
    place = torch.minimum(torch.arange(-left, frames + right).clamp(min=0), (lengths - 1)[:, None])
    place += frames * torch.arange(count)[:, None]
    return features.reshape(-1, size).index_select(0, place.flatten()).view(count, -1, size)

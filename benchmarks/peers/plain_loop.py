"""A plain PyTorch loop with every lever that its author can pull: what asrtrain should not be slower than.

Features made once, batches of similar length, channels_last, a bidirectional LSTM over padded input that is exact all
the same, fused AdamW; no checkpoints, no logs.
"""

from __future__ import annotations

import torch
from job import Job
from networks import StringNet
from scoring import Errors, loss_of
from torch import nn

from features import BatchesOfSimilarLength, Recordings, padded


class PaddedLSTM(nn.Module):
    """A bidirectional LSTM without packing: the backward half reads every recording reversed within its length."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.ahead = nn.LSTM(lstm.input_size, lstm.hidden_size, batch_first=True)
        self.behind = nn.LSTM(lstm.input_size, lstm.hidden_size, batch_first=True)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        places = torch.arange(features.shape[1]).expand(len(features), -1)
        turned = torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)[:, :, None]
        behind = self.behind(features.take_along_dim(turned, 1))[0].take_along_dim(turned, 1)
        return torch.cat([self.ahead(features)[0], behind], 2)


class PaddedStringNet(nn.Module):
    def __init__(self, network: StringNet) -> None:
        super().__init__()
        self.lstm, self.dropout, self.linear = PaddedLSTM(network.lstm), network.dropout, network.linear

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.linear(self.dropout(self.lstm(features, lengths)))
        return scores


def main() -> None:
    job = Job.given()
    network: nn.Module = job.network()
    network = (
        PaddedStringNet(network) if isinstance(network, StringNet) else network.to(memory_format=torch.channels_last)
    )
    train, test = (Recordings(job, split, once=True) for split in ("train", "test"))
    batches = BatchesOfSimilarLength(train.lengths, job.batch_size)
    adamw = torch.optim.AdamW(network.parameters(), lr=job.lr, weight_decay=job.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(adamw, job.rate)
    errors, order = Errors(job), sorted(range(len(test)), key=test.lengths.__getitem__)
    for epoch in range(1, job.epochs + 1):
        network.train()
        for batch in batches:
            features, lengths, symbols, count = padded([train[i] for i in batch])
            with torch.autocast("cpu", torch.bfloat16, enabled=job.precision == "bf16"):
                scores = network(features, lengths)
            loss_of(job, scores, lengths, symbols, count).backward()
            nn.utils.clip_grad_norm_(network.parameters(), job.clip)
            adamw.step()
            schedule.step()
            adamw.zero_grad()
        network.eval()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=job.precision == "bf16"):
            for first in range(0, len(order), job.batch_size):
                features, lengths, symbols, count = padded([test[i] for i in order[first : first + job.batch_size]])
                errors.add(network(features, lengths), lengths, symbols, count)
        job.tell(epoch, errors.metric())


if __name__ == "__main__":
    main()

"""``python first_batch.py fit …``: ``asrtrain fit …`` up to its first batch, then the CPU seconds that it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from asrtrain.allocator import choose_allocator

choose_allocator()  # the command line does so too, which must be before torch is there

from asrtrain.cli import main  # noqa: E402
from asrtrain.cli.loading import without_collector  # noqa: E402

with without_collector():
    from asrtrain import app  # noqa: F401 - what the command would load, with the collector at rest as it has it
    from asrtrain.batching import Loader
    from asrtrain.types import Batch

_epoch = Loader.epoch


def stop_at_the_first(loader: Loader, epoch: int, start: int = 0) -> Iterator[Batch]:
    """A loader's batches, none of which anybody sees."""
    for _ in _epoch(loader, epoch, start):
        print(time.process_time(), flush=True)
        raise SystemExit(0)
    yield from ()


if __name__ == "__main__":
    setattr(Loader, "epoch", stop_at_the_first)  # noqa: B010 - a type checker is right that one should not
    sys.exit(main())

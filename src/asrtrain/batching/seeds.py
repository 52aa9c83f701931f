"""Seeds that are computed, not drawn: any batch of any epoch can be made again without those before it."""

from __future__ import annotations

import hashlib


def counter_seed(*counters: int) -> int:
    """A seed of 63 bits for a generator, a hash (BLAKE2b) of counters such as (seed, epoch, batch)."""
    text = ",".join(map(str, counters)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1

"""Ways in which a file can be damaged: bytes, text and JSON."""

from __future__ import annotations

import json
import random
from typing import Any

PIECES: tuple[bytes, ...] = (
    b"", b"\0", b"\n", b"\r\n", b"\t", b" ", b",", b":", b'"', b"'", b"{", b"}", b"[", b"]", b"\\", b"/", b"-", b".",
    b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\x8b", b"\x1b[2J",
    b"0", b"-1", b"1e999", b"-1e-999", b"NaN", b"Infinity", b"null", b"true", b"9" * 5000, b"1" + b"0" * 400, b"#",
    b"../", b"\\ud800", b"/dev/zero", b"!!python/object:os.system", b"&a [*a]", b"<s>", b"</s>", b"<unk>",
    b"\\2-grams:", b"\\end\\",    b"[" * 100_000, b'{"a":' * 20_000,
)  # fmt: skip
"""What is put into files: what means something to one format or another, and what means nothing anywhere."""

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, -(2**63) - 1, 10**400, 0.5, -1.5, 1e308, float("nan"), float("inf"), "", "0",
    "x", "\ud800", "a" * 10_000, "../x", "/dev/zero", [], [0], [[]], {}, {"": 0}, {"name": 0}, [None] * 3,
)  # fmt: skip
"""What a value of JSON is replaced by."""


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A file that is cut, or in which some bytes are flipped, put in, taken out, doubled or moved."""
    if rng.random() < 0.05:
        return rng.choice(PIECES)
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _damage(changed, rng)
    return bytes(changed)


def _damage(changed: bytearray, rng: random.Random) -> None:
    place = rng.randrange(len(changed) + 1)
    length = min(rng.choice((1, 4, 64, 4096)), len(changed) - place)
    match rng.randrange(7):
        case 0 if length:
            changed[place] ^= 1 << rng.randrange(8)
        case 1:
            del changed[place:]
        case 2:
            changed[place : place + length] = bytes(length)
        case 3:
            del changed[place : place + length]
        case 4:
            changed[place:place] = changed[place : place + length]
        case 5:
            changed[place : place + rng.choice((0, 1, 8))] = rng.choice(PIECES)
        case _:
            _swap_words(changed, rng)


def _swap_words(changed: bytearray, rng: random.Random) -> None:
    words = bytes(changed).split(b" ")
    if len(words) > 1:
        one, other = rng.randrange(len(words)), rng.randrange(len(words))
        words[one], words[other] = words[other], words[one]
    changed[:] = b" ".join(words)


def with_another_value(text: bytes, rng: random.Random) -> bytes:
    """A JSON document in which one value is another, a key is missing, or one is new."""
    tree = json.loads(text)
    holders = _holders(tree)
    if not holders:
        return json.dumps(rng.choice(VALUES)).encode()
    holder = rng.choice(holders)
    key = rng.choice(list(holder) if isinstance(holder, dict) else list(range(len(holder))))
    match rng.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[str(key) + "x"] = holder.pop(key)
        case 2:
            holder[key] = [holder[key]]
        case _:
            holder[key] = rng.choice(VALUES)
    return json.dumps(tree).encode()


def _holders(tree: Any) -> list[Any]:
    """All mappings and lists in a tree that hold something."""
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    found = [holder for item in inner for holder in _holders(item)]
    return [tree, *found] if isinstance(tree, dict | list) and tree else found

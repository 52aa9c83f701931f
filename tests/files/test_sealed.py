"""A sealed document or line is read as it was written, or not at all."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from asrtrain.files.sealed import seal, seal_line, unseal, unseal_line

VALUES = {"wer": 0.125, "name": "größer", "list": [1, None, True, 1e-7], "tree": {"a": "\u200b"}}


def test_what_is_sealed_comes_back() -> None:
    assert unseal(seal(VALUES)) == VALUES
    assert unseal_line(seal_line(json.dumps(VALUES) + "\n")) == VALUES


def test_what_older_versions_wrote_is_read() -> None:
    assert unseal(json.dumps(VALUES)) == VALUES
    assert unseal_line(json.dumps(VALUES)) == VALUES


@pytest.mark.parametrize("bit", range(8))
def test_no_flipped_bit_changes_a_value(bit: int) -> None:
    """It may make the seal's own name unknown: then it stands among the values, which strict readers refuse."""
    for whole, read in ((seal(VALUES), unseal), (seal_line(json.dumps(VALUES) + "\n"), unseal_line)):
        content = whole.encode()
        for place in range(len(content)):
            with suppress(ValueError):
                found = read(content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :])
                assert {name: found[name] for name in VALUES} == VALUES
                assert set(found) - set(VALUES) <= {name for name in found if len(name) in (3, 6)}


@pytest.mark.parametrize("text", ["", "[]", "1", "{", '{"a": 1}{', "null"])
def test_what_holds_no_named_values_is_refused(text: str) -> None:
    for read in (unseal, unseal_line):
        with pytest.raises(ValueError, match=r"."):
            read(text)

"""Characters that no reader sees and no letter needs: texts lose them, and it is said."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from asrtrain.data.complaints import Complaint
from asrtrain.data.table import UtteranceTable
from asrtrain.types import Utterance

_BREAKS = "\u00ad\u200b\u2060\ufeff"
"""Where a line may break or may not: soft hyphen, zero width space, word joiner, byte order mark."""
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Which way writing runs on the screen. Joiners (U+200C, U+200D) are none: Persian and Indic spelling needs them."""
_INVISIBLE = re.compile(f"[{_BREAKS}{_DIRECTIONS}]")


def without_invisible(text: str) -> str:
    """The text without them."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


def code_point(character: str) -> str:
    """``U+200B ZERO WIDTH SPACE``."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}{' ' if name else ''}{name}"


def check_invisible(utterances: Sequence[Utterance]) -> list[Complaint]:
    """What texts, as they are written, will lose: a notice for each character."""
    if isinstance(utterances, UtteranceTable) and utterances.texts.is_ascii():
        return []
    counts: Counter[str] = Counter()
    first: dict[str, Utterance] = {}
    for utterance in utterances:
        if utterance.text.isascii():
            continue
        for character in set(_INVISIBLE.findall(utterance.text)):
            counts[character] += 1
            first.setdefault(character, utterance)
    return [
        Complaint("invisible", f"{code_point(character)} is removed from {_texts(count)}", first[character].source)
        for character, count in sorted(counts.items())
    ]


def _texts(count: int) -> str:
    return f"{count} texts, of which this is the first" if count > 1 else "the text"

"""Checks of texts that look or read alike and are learnt as different: two classes, two characters, two words."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from asrtrain.data.complaints import Complaint
from asrtrain.data.invisible import code_point
from asrtrain.data.lookalikes import folded
from asrtrain.data.text import TextConfig
from asrtrain.data.vocabulary import Unit, split
from asrtrain.types import Utterance

SHOWN = 5
_REMEDIES = {"case: lower": TextConfig(case="lower"), "unicode: NFKC": TextConfig(unicode="NFKC")}

Group = Mapping[str, int]
"""Symbols that look alike, with how often each occurs."""


def check_twins(texts: Sequence[str], unit: Unit | None) -> Iterator[Complaint]:
    """Complain, once for each kind of symbol, of those that a reader does not tell apart (or by their case alone).

    Without a ``unit``, texts are taken as labels, and those of several words as words too.
    """
    composed = [text for text in texts if not text.isascii() and text != unicodedata.normalize("NFC", text)]
    if composed:
        message = (
            f"{len(composed)} texts have letters and accents apart, as in {composed[0]!r}: set data.text.unicode: NFC"
        )
        yield Complaint("twin_symbols", message)
    if unit != "char":
        yield from _told(_grouped(Counter(_symbols(texts, unit or "label")), _as_read), unit or "label")
    else:
        yield from _told(_grouped(Counter(_symbols(texts, "char")), _as_character), "char")
    if unit in ("char", None):
        words = Counter(word for text in texts for word in text.split() if unit or " " in text)
        groups = [group for group in _grouped(words, _as_seen) if len({_by_character(word) for word in group}) > 1]
        yield from _told(groups, "word")


def check_quotes(utterances: Sequence[Utterance]) -> Iterator[Complaint]:
    """Complain, once, of texts that stand in quotation marks as a whole: in TSV they are text."""
    quoted = [u for u in utterances if len(u.text) > 2 and u.text[0] == u.text[-1] == '"']
    if quoted:
        message = (
            f"{len(quoted)} texts stand in quotation marks, which are learnt as a part of them, as in "
            f"{quoted[0].text[:60]!r}: take them off, or save the table as CSV, where quotes are no text"
        )
        yield Complaint("quoted", message, quoted[0].source)


def _symbols(texts: Sequence[str], unit: Unit) -> Iterator[str]:
    return (symbol for text in texts for symbol in split(text, unit))


def _as_read(symbol: str) -> str:
    return folded(symbol, case=True, letters=True)


def _as_seen(word: str) -> str:
    return folded(word, case=False, letters=True)


def _as_character(character: str) -> str:
    return folded(character, case=False, letters=False) or character


def _by_character(word: str) -> str:
    """What is left of differences that are told of single characters already."""
    return "".join(map(_as_character, word))


def _grouped(counts: Mapping[str, int], fold: Callable[[str], str]) -> list[Group]:
    groups: dict[str, dict[str, int]] = {}
    for symbol in sorted(counts):
        groups.setdefault(fold(symbol), {})[symbol] = counts[symbol]
    return [group for group in groups.values() if len(group) > 1]


def _told(groups: Sequence[Group], unit: Unit) -> Iterator[Complaint]:
    if not groups:
        return
    examples = "; ".join(", ".join(_described(symbol, group) for symbol in group) for group in groups[:SHOWN])
    more = f"; and {len(groups) - SHOWN} more" if len(groups) > SHOWN else ""
    what = f"{len(groups)} group{'s' * (len(groups) > 1)} of look-alikes"
    yield Complaint("twin_symbols", f"{what} learnt as different {unit}s: {examples}{more}; {_remedy(groups)}")


def _described(symbol: str, group: Group) -> str:
    """``'don’t' 3 times (U+2019 RIGHT SINGLE QUOTATION MARK)``: what the others of the group do not have."""
    others = {character for other in group if other != symbol for character in other}
    own = [code_point(one) for one in dict.fromkeys(symbol) if one not in others and not one.isascii()]
    times = "once" if group[symbol] == 1 else f"{group[symbol]} times"
    return f"{symbol!r} {times}" + (f" ({', '.join(own[:3])})" if own else "")


def _remedy(groups: Sequence[Group]) -> str:
    """Which setting makes one symbol of each group, and of how many groups."""
    for setting, text in _REMEDIES.items():
        united = sum(len({text.normalise(symbol) for symbol in group}) == 1 for group in groups)
        if united:
            rest = "" if united == len(groups) else f" in {united} of them; write the others alike"
            return f"data.text.{setting} unites them{rest}"
    return "write them alike"

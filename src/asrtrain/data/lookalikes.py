"""Telling texts that look or read alike: what is left of them when all is folded that a reader does not tell apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_IGNORED = re.compile("[\u034f\u115f\u1160\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\ufffc\U000e0000-\U000e0fff\u0640]")
"""Unicode's default-ignorable characters that are neither controls nor formats, the place of an object that was not
copied, and the stretch of Arabic letters."""
_QUOTES = "\"'"
_MARKS = {
    **dict.fromkeys("‘’‚‛ʹʻʼʽˈ`´′＇", "'"),
    **dict.fromkeys("“”„‟«»″＂〝〞", '"'),
    **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
    **dict.fromkeys("⁄∕", "/"),
    "\u2800": " ",  # the Braille pattern without dots
    **dict(zip("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", strict=True)),
}
# The letters of Unicode's confusables.txt that occur in words: Cyrillic, Greek and phonetic ones like Latin ones, and
# the forms of Arabic letters that keyboards of several languages write.
_ALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТХҮԚԜаеѕіјорсухһԛԝ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοναρϲ" + "ɑɡı" + "يىك",
    "ABESIJKMHOPCTXYQWaesijopcyxhqw" + "ABEZHIKMNOPTYXovapc" + "agi" + "ییک",
)
_TABLE = str.maketrans(_MARKS)


def twin(text: str, known: Iterable[str]) -> str | None:
    """The first of ``known`` that looks or reads like ``text``."""
    wanted = folded(text, case=True, letters=True)
    return next((other for other in known if folded(other, case=True, letters=True) == wanted), None)


def folded(text: str, *, case: bool, letters: bool) -> str:
    """Equal for texts that look alike, and with ``case`` also for those that differ in letter case alone.

    ``letters`` takes letters of other scripts for those that they look like, and quotation marks off both ends.
    """
    if not (text.isascii() and text.isprintable()):
        text = _IGNORED.sub("", unicodedata.normalize("NFKD", text)).translate(_TABLE)
        text = "".join(one for one in text if unicodedata.category(one) not in ("Cf", "Cc"))
        text = text.translate(_ALIKE) if letters else text
    if letters and len(text) > 2 and text[0] == text[-1] and text[0] in _QUOTES:
        text = text[1:-1]
    if case:
        text = text.casefold().replace("i\u0307", "i")
    return unicodedata.normalize("NFC", text)

"""Text normalisation, stated in the configuration and the same for training, development, test and scoring."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, final

from asrtrain.config import Config
from asrtrain.data.invisible import without_invisible

# An apostrophe between two letters or digits belongs to the word: don't, l’eau.
_APOSTROPHE_IN_WORD = re.compile(r"(?<=[^\W_])['’](?=[^\W_])")


@final
class TextConfig(Config):
    """How labels and transcripts are written.

    White space always becomes one space. What nobody sees and no letter needs always goes: byte order marks, zero width
    spaces, soft hyphens, word joiners and marks of direction.
    """

    case: Literal["keep", "lower", "upper"] = "keep"
    """Letter case: ``keep`` it as written, or turn everything to ``lower`` or ``upper`` case."""
    unicode: Literal["none", "NFC", "NFKC"] = "NFC"
    """Unicode normal form: ``NFC`` joins letters and accents, ``NFKC`` also unifies full-width and ligature forms."""
    punctuation: Literal["keep", "strip"] = "keep"
    """``strip`` turns punctuation marks of every script to spaces, but for apostrophes within words."""

    def normalise(self, text: str) -> str:
        """Normalise a label or transcript; normalising twice changes nothing more."""
        text = self._composed(self._cased(self._composed(without_invisible(text))))
        if self.punctuation == "strip":
            text = _without_punctuation(text)
        return " ".join(text.split())

    def _composed(self, text: str) -> str:
        return text if self.unicode == "none" else unicodedata.normalize(self.unicode, text)

    def _cased(self, text: str) -> str:
        if self.case == "keep":
            return text
        # Python lowers İ to i and a second dot above it, which looks like i and is another word.
        return text.lower().replace("i\u0307", "i") if self.case == "lower" else text.upper()


def _without_punctuation(text: str) -> str:
    within_words = {match.start() for match in _APOSTROPHE_IN_WORD.finditer(text)}
    return "".join(
        " " if unicodedata.category(character).startswith("P") and place not in within_words else character
        for place, character in enumerate(text)
    )

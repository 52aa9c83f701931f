"""How words are spelled in units: each its own, its characters, or the phones of a pronouncing dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from asrtrain.config.words import shortened
from asrtrain.data.lookalikes import twin
from asrtrain.data.vocabulary import named
from asrtrain.errors import DataError
from asrtrain.files.reading import LARGEST_LIST, read_text

SpellingUnit = Literal["word", "phone", "char"]


def spellings(words: Sequence[str], unit: SpellingUnit, lexicon: Path | None) -> dict[str, tuple[str, ...]]:
    """The units of every word. Raises DataError for a lexicon that cannot be read or lacks words."""
    match unit:
        case "word":
            return {word: (word,) for word in words}
        case "char":
            return {word: tuple(word.replace(" ", "")) for word in words}
        case "phone":
            assert lexicon is not None
            known = read_lexicon(lexicon)
            missing = [word for word in words if word not in known]
            if missing:
                other = twin(missing[0], known)
                hint = f" ({other!r} is there: write words as data.text leaves them)" if other else ""
                raise DataError(
                    f"{lexicon} lacks {len(missing)} word(s): {named(missing)}{hint}; add them, or use unit: char"
                )
            return {word: known[word] for word in words}


def read_lexicon(path: Path) -> dict[str, tuple[str, ...]]:
    """Lines ``word phone phone …``, and comments that begin with ``;;;`` as in CMUdict; of several pronunciations the
    first counts. Raises DataError naming the line.
    """
    lines = read_text(path, LARGEST_LIST, DataError).splitlines()
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, start=1):
        word, *phones = ([] if line.startswith(";;;") else line.split()) or [""]
        if word and not phones:
            raise DataError(f"{path}:{number}: the word {shortened(word)!r} has no phones; write: word phone phone …")
        if word:
            found.setdefault(word, tuple(phones))
    return found

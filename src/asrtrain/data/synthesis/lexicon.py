"""How the digits are written for espeak-ng's accents.

English accents read the English words. A foreign accent is another language's voice that reads the same words respelt
in its own orthography, as its speakers would say them: ``siero`` by the German voice is a German's ``zero``.
"""

from __future__ import annotations

from dataclasses import dataclass

from asrtrain.data.digits import DIGITS


@dataclass(frozen=True, slots=True)
class Accent:
    """espeak-ng's ``language``, and the spelling of each of the ten digits for it."""

    language: str
    digits: tuple[str, ...]


def _respelt(language: str, digits: str) -> Accent:
    return Accent(language, tuple(digits.split()))


ENGLISH: dict[str, Accent] = {
    language: Accent(language, DIGITS)
    for language in (
        *("en", "en-us", "en-gb-scotland", "en-gb-x-rp"),
        *("en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc"),
    )
}

FOREIGN: dict[str, Accent] = {
    "cs": _respelt("cs", "zírou uan tú srí fór fajv siks sevn ejt najn"),
    "da": _respelt("da", "siro uan tu sri for fajv siks seven ejt najn"),
    "de": _respelt("de", "siero wann tuh srie foor feif sicks sewen äit nein"),
    "de-2": _respelt("de", "ziero uann tu frie vohr faif ßix ßäwwen eet nain"),
    "el": _respelt("el", "ζίροου γουάν του θρι φορ φάιβ σιξ σέβεν έιτ νάιν"),
    "es": _respelt("es", "sirou uan tu zri for faiv siks seven eit nain"),
    "fr": _respelt("fr", "ziro ouane tou sri faure faïve sixe sévène eïte naïne"),
    "fr-2": _respelt("fr", "zirau ouanne toue frie fore fa-ive sikss sèvenne ète nahïne"),
    "hi": _respelt("hi", "ज़ीरो वन टू थ्री फ़ोर फ़ाइव सिक्स सेवन एट नाइन"),
    "hu": _respelt("hu", "zíró uan tú szrí fór fájv sziksz szeven éjt nájn"),
    "it": _respelt("it", "ziro uan tu tri for faiv sics seven eit nain"),
    "nl": _respelt("nl", "zierro wan toe srie foor faif siks sevven eet nain"),
    "pl": _respelt("pl", "ziro łan tu fri for fajw syks sewen ejt najn"),
    "pt": _respelt("pt", "zírou uãn tu fri fór faiv sics séven eit nain"),
    "ru": _respelt("ru", "зироу уан ту сри фор файв сикс сэвэн эйт найн"),
    "sv": _respelt("sv", "siro oann to tri får fajv sicks sevven ejt najn"),
    "tr": _respelt("tr", "ziro van tu tıri for fayv siks sevın eyt nayn"),
}

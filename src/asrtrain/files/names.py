"""Names of files that come from data: speakers, labels, ids. What a name lost in here stays in the file's content."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LONGEST = 255
"""Bytes of a name in UTF-8 that every usual file system takes."""
_HASH = 8
_SEPARATING = frozenset('/\\<>:"|?*')
"""What divides paths, or may not stand in a name on Windows."""
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])(\..*)?", re.IGNORECASE)
"""Devices on Windows, with any suffix."""


def safe_name(text: str, room: int = 0) -> str:
    """A name for one file or folder that is like the text, on every system; ``room`` is left for bytes added to it.

    What may not stand in a name becomes ``_``. A text that is too long is cut, and a hash of it stands at the end.

    >>> safe_name("../../etc/passwd"), safe_name("nul.txt"), safe_name("")
    ('_._.._etc_passwd', '_nul.txt', '_')
    """
    name = "".join(c if c.isprintable() and c not in _SEPARATING else "_" for c in text) or "_"
    if name[0] == ".":
        name = f"_{name[1:]}"
    if name[-1] in ". ":
        name = f"{name[:-1]}_"
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    return name if len(name.encode()) <= LONGEST - room else _hashed(name, text, room)


def distinct_names(texts: Iterable[str], room: int = 0) -> dict[str, str]:
    """A safe name for every text, no two of them equal, upper and lower case taken as one.

    Of texts whose names would be equal those that had to be changed, or all, have a hash at the end.
    """
    names = {text: safe_name(text, room) for text in texts}
    count = Counter(map(_folded, names.values()))
    exact = Counter(_folded(name) for text, name in names.items() if text == name)
    for text, name in names.items():
        alone = exact[_folded(name)] == 1 and text == name
        if count[_folded(name)] > 1 and not alone:
            names[text] = _hashed(name, text, room)
    return names


def in_utf8(path: str) -> str:
    r"""A path for texts in UTF-8: bytes of it that are none are escaped.

    >>> in_utf8("a\udce9.wav")
    'a\\xe9.wav'
    """
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def printable(path: str) -> str:
    r"""A path for people, on one line: what cannot be printed is escaped.

    >>> printable("a\udce9\n.wav")
    'a\\xe9\\n.wav'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in in_utf8(path))


def _hashed(name: str, text: str, room: int) -> str:
    """The name, cut to fit, with a hash of the text."""
    end = f"-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:_HASH]}"
    return name.encode()[: LONGEST - room - len(end)].decode(errors="ignore") + end


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()

"""What every corpus is: a source with a known layout, and a card that says what it is and where it is from."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

from asrtrain.config import FilePath
from asrtrain.data.interface import SourceConfig


@dataclass(frozen=True, slots=True)
class Archive:
    """One file that the corpus's publishers offer.

    ``checksum`` (``sha256:…`` or ``md5:…``) is None where none has been published; ``part`` is the folder that the
    archive is unpacked into, where a corpus has several.
    """

    url: str
    checksum: str | None = None
    part: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A corpus in one line of a table. Without archives it has to be fetched by hand from its ``homepage``."""

    title: str
    language: str
    size: str
    licence: str
    homepage: str
    splits: tuple[str, ...]
    archives: tuple[Archive, ...] = ()


class CorpusConfig(SourceConfig, ABC):
    """A corpus, chosen by name. Every corpus has a ``split`` too, one of those its card lists."""

    card: ClassVar[Card]

    folder: FilePath
    """The corpus's folder, or the one its archive was unpacked into."""
    split: str

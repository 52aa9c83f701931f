"""A page as its reader meets it, without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import final

Attributes = dict[str, str | None]


@final
class Outline(HTMLParser):
    """The elements of a page in order, each with its attributes and the text inside it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self._open: list[int] = []
        self._texts: dict[int, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br", "img"):
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open[-1]][0] == tag, f"</{tag}> closes {self.elements[self._open[-1]]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self._texts.setdefault(place, []).append(data)

    def all(self, tag: str) -> list[Attributes]:
        return [attributes for name, attributes in self.elements if name == tag]

    def texts(self, tag: str) -> list[str]:
        """What stands in every element of this kind, white space as one."""
        places = [place for place, (name, _) in enumerate(self.elements) if name == tag]
        return [" ".join("".join(self._texts.get(place, [])).split()) for place in places]

    def text_of(self, name: str | None) -> str:
        """What stands in the element with this id."""
        (place,) = [place for place, (_, attributes) in enumerate(self.elements) if attributes.get("id") == name]
        return " ".join("".join(self._texts.get(place, [])).split())

    def headings(self) -> list[int]:
        """The levels of the headings in order."""
        return [int(tag[1]) for tag, _ in self.elements if re.fullmatch("h[1-6]", tag)]

    def addresses(self) -> list[str]:
        """Whatever a browser might load or go to."""
        keys = ("src", "href", "xlink:href", "srcset", "data", "action", "poster")
        return [attributes[key] or "" for _, attributes in self.elements for key in keys if key in attributes]

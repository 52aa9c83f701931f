"""Figures as parts of a page: SVG whose colours are the page's variables and whose texts are texts.

matplotlib writes a document of its own; what a page must not have twice (ids, style sheets, metadata) is taken out.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, final
from xml.etree import ElementTree

from asrtrain.optional import optional
from asrtrain.reporting.style import BLUE, GREY, GRID, INK, LOOK, ORANGE, RED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 4.4
"""Inches: so narrow that texts of 10 points can still be read on a telephone."""

SERIES = ("#2f6db1", "#d97729", "#2a9d6f", "#a3478f", "#8a6d1d", "#5b5bd6", "#b5383f", "#3a8fa3")
"""Colours of several runs."""

_VARIABLES = {
    INK: "ink",
    "#000000": "ink",
    BLUE: "blue",
    ORANGE: "orange",
    GREY: "grey",
    GRID: "grid",
    RED: "red",
    **{colour: f"series-{number}" for number, colour in enumerate(SERIES, start=1)},
}
_LOOK = {
    **LOOK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "image.composite_image": False,
    "path.simplify_threshold": 0.3,
}
_SHEETS_AND_METADATA = ("metadata", "style")
_GEOMETRY = ("d", "x", "y", "transform", "width", "height")


@final
@dataclass(frozen=True, slots=True)
class Picture:
    """A figure for a page: its SVG, its title, and what it shows in words and numbers."""

    title: str
    svg: str
    says: str


@final
@dataclass(slots=True)
class Sheet:
    """What is drawn on; ``svg`` is there when drawing has ended."""

    figure: Figure
    svg: str = ""


@contextlib.contextmanager
def sheet(name: str, height: float, width: float = WIDTH) -> Iterator[Sheet]:
    """A sheet of so many inches. ``name`` is unlike that of any other on the page: ids are made from it."""
    with optional("matplotlib", "drawing pictures"):
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

    with mpl.rc_context({**_LOOK, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        drawn = Sheet(figure)
        yield drawn
        text = io.StringIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # the reader's browser draws the letters
            figure.savefig(text, format="svg", metadata={"Date": None})
        drawn.svg = _for_a_page(text.getvalue())


def _for_a_page(document: str) -> str:
    root = ElementTree.fromstring(document)  # noqa: S314 - matplotlib wrote it
    wanted = set(re.findall(r"#(\w+)", " ".join(value for part in root.iter() for value in part.attrib.values())))
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in _SHEETS_AND_METADATA:
                parent.remove(child)
    for part in root.iter():
        part.tag = _local(part.tag)
        part.attrib = {_local(key): _attribute(_local(key), value) for key, value in part.attrib.items()}
        if part.get("id") not in wanted:
            part.attrib.pop("id", None)
        if part.tag != "text":
            part.text = None
        part.tail = None
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _attribute(key: str, value: str) -> str:
    if key in _GEOMETRY:
        return re.sub(r"(\.\d\d)\d+", r"\1", " ".join(value.split()))
    if key == "href":
        return "".join(value.split())
    if key == "style":
        kept = [entry.strip() for entry in value.split(";") if not entry.strip().startswith("font-family")]
        return re.sub(r"#[0-9a-f]{6}", _variable, "; ".join(kept))
    return value


def _variable(match: re.Match[str]) -> str:
    name = _VARIABLES.get(match[0])
    return f"var(--{name})" if name else match[0]

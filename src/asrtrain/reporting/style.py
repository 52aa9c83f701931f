"""One look for every plot."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sized
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asrtrain.errors import AsrtrainError, UsageError
from asrtrain.optional import optional
from asrtrain.terminal import say
from asrtrain.training.durable import reporting_failure, write_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#22303c"
BLUE = "#2f6db3"
ORANGE = "#d9772b"
GREY = "#9aa5b1"
RED = "#dc143c"
GRID = "#e3e7eb"

LOOK: dict[Any, Any] = {
    "font.size": 11,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "text.parse_math": False,  # labels may hold dollars
}


FONTS = (
    *("DejaVu Sans", "Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Devanagari", "Noto Sans Arabic"),
    *("Noto Sans Hebrew", "Noto Sans Thai", "Source Han Sans SC", "WenQuanYi Zen Hei", "FreeSans", "Unifont"),
    *("Arial Unicode MS", "Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Nirmala UI", "Segoe UI"),
)
"""Searched for each letter in this order, as far as they are installed; the first comes with matplotlib."""
_LONGEST = 32


@functools.cache
def _installed() -> tuple[str, ...]:
    with optional("matplotlib", "drawing pictures"):
        from matplotlib.font_manager import fontManager

    there = set(fontManager.get_font_names())
    return tuple(name for name in FONTS if name in there)


def drawable(label: str) -> str:
    """A label as it can be drawn: its code points where no font has a letter of it, and cut where it is long."""
    with optional("matplotlib", "drawing pictures"):
        from matplotlib.font_manager import findfont, get_font

    fonts = [get_font(findfont(name)) for name in _installed()]
    if not all(any(font.get_char_index(ord(letter)) for font in fonts) for letter in label):
        label = label.encode("unicode_escape").decode()
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"


def time_of(steps: Sized) -> str:
    """What pictures of a run have below: its steps, or passes over the data where nothing is descended."""
    return "optimiser step" if len(steps) else "pass over the data"


def require_pictures() -> None:
    """Before long work that ends with pictures: raise UsageError where matplotlib is missing or does not load."""
    with optional("matplotlib", "drawing pictures"):
        import matplotlib  # noqa: F401 - what is broken in it shows here, mostly


@contextlib.contextmanager
def pictures_beside(result: Path) -> Iterator[None]:
    """Let what goes wrong with pictures be said, and nothing else be lost for it.

    Args:
        result: what they belong to, which is whole without them.

    Raises:
        AsrtrainError: any but UsageError, such as that of a full disk, which concerns more than pictures.
    """
    try:
        yield
    except UsageError as error:
        say(f"{result}: there are no pictures: {error}")
    except (AsrtrainError, OSError, MemoryError):
        raise
    except Exception as error:  # matplotlib loads, and is broken all the same
        say(f"{result}: there are no pictures: drawing failed ({type(error).__name__}: {error})")


@contextlib.contextmanager
def picture(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of so many inches, written to ``path`` as PNG at the end. Needs no display.

    Raises UsageError if the path does not end in .png, TrainingError if it cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path}: pictures are drawn as PNG; let its name end in .png")
    with optional("matplotlib", "drawing pictures"):
        import matplotlib as mpl  # half a second, which training need not wait for
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    with mpl.rc_context({**LOOK, "font.family": list(_installed())}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        drawn = BytesIO()
        figure.savefig(drawn, dpi=130)
    with reporting_failure(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, drawn.getvalue())

r"""What is said to people: messages on standard error, results on standard output.

Labels, ids and file names come from data, which may hold what a terminal obeys: commands that move the cursor, colour
or hide text, set its title or turn its direction. They are shown as Python writes them: ``\x1b``.
So are line breaks, where they are part of a name.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePath

from asrtrain.errors import OutputLost

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and newline, what turns the direction of text, and bytes of names that are no UTF-8."""


def readable(text: str) -> str:
    r"""The text with nothing that a terminal obeys.

    >>> readable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    for name, shown in _names.items():
        text = text.replace(name, shown)
    return _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


_names: dict[str, str] = {}


@contextmanager
def naming(words: Iterable[str]) -> Iterator[None]:
    """Inside the block, these words of a command line are shown on one line each, whatever message names them.

    Args:
        words: arguments, which may be names of files, and those of ``--option=NAME``.
    """
    parts = {part for word in words for part in (word, word.partition("=")[2])}
    before = dict(_names)
    broken = [part for part in parts if part.strip() and {"\n", "\t"} & set(part)]
    _names.update({part: _on_one_line(part) for part in sorted(broken, key=len, reverse=True)})
    try:
        yield
    finally:
        _names.clear()
        _names.update(before)


def _on_one_line(name: str) -> str:
    return name.replace("\n", "\\n").replace("\t", "\\t")


def _result(result: object) -> str:
    """A path is a line of its own, and no more; text may have several."""
    return readable(_on_one_line(str(result)) if isinstance(result, PurePath) else str(result))


_listening: list[list[str]] = []


@contextmanager
def remembering() -> Iterator[list[str]]:
    """What is said inside the block, for a log that is opened later."""
    said: list[str] = []
    _listening.append(said)
    try:
        yield said
    finally:
        _listening.remove(said)


def say(text: str) -> None:
    """A message on standard error, above a progress bar; nothing depends on anybody who reads it."""
    from tqdm import tqdm

    for said in _listening:
        said.append(text)
    with suppress(OSError, ValueError):  # it is full, gone or closed
        tqdm.write(readable(text), file=sys.stderr)  # noqa: TID251 - the one place


def show(result: object, *, end: str = "\n") -> None:
    """A result on standard output. Raises OutputLost at the latest when it is flushed."""
    print(_result(result), end=end)  # noqa: T201 - the one place


def show_now(result: object, *, end: str = "\n") -> None:
    """A result on standard output, for those who wait for it. Raises OutputLost."""
    print(_result(result), end=end, flush=True)  # noqa: T201 - the one place


def show_json(value: object) -> None:
    """A value for programs on standard output."""
    show_json_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def show_json_text(text: str) -> None:
    """Text of JSON, now. Its own escapes stand for what cannot be shown or encoded. Raises OutputLost."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)
    print(  # noqa: T201 - the one place
        _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text), end="", flush=True
    )


def mention(result: object) -> None:
    """A result that stands whether anybody reads it or not, such as the name of a finished run."""
    with suppress(OutputLost, OSError):
        show_now(result)

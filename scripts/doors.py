"""Say where the package writes files past asrtrain.files, which alone keeps off links; exit with 1 if it does."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src" / "asrtrain"
WRITING_METHODS = {
    *("write_text", "write_bytes", "touch", "symlink_to", "hardlink_to", "ftruncate", "mkstemp"),
    *("NamedTemporaryFile", "SummaryWriter", "FileHandler", "tofile", "to_csv", "save_file", "savez", "memmap"),
}
"""What writes a file, whatever it is called on."""
WRITING_FUNCTIONS = {
    "os": {"open", "truncate"},
    "shutil": {"copy", "copy2", "copyfile", "copytree", "move"},
    **{owner: {"write", "save"} for owner in ("soundfile", "sf", "np", "numpy", "torch")},
    **{owner: {"savefig"} for owner in ("figure", "plt")},
}
"""What writes a file by the module or object that it is called on."""
KNOWN = {
    ("app/compare.py", "open"): "os.devnull, where the words of a trial go",
    ("app/explain.py", "shutil.copytree"): "into a temporary folder of the system's",
    ("app/explain.py", "shutil.copy2"): "into a temporary folder of the system's",
    ("cli/streams.py", "os.open"): "os.devnull, in place of a stream that is closed",
    ("data/corpora/obtain.py", "shutil.copytree"): "into a new folder that nobody else sees",
    ("data/ffmpeg.py", "NamedTemporaryFile"): "in the system's folder for temporary files",
    ("data/rendering.py", "open"): "wave, on a file that was opened by new_file",
    ("data/shards.py", "open"): "tarfile, on a file that was opened by new_file",
    ("data/shards.py", "soundfile.write"): "into memory",
    ("app/samples.py", "soundfile.write"): "into memory",
    ("cli/data/speaking.py", "soundfile.write"): "into memory",
    ("reporting/html/sound.py", "soundfile.write"): "into memory",
    ("reporting/html/svg.py", "figure.savefig"): "into memory",
    ("reporting/style.py", "figure.savefig"): "into memory",
    ("training/board.py", "SummaryWriter"): "into a folder that is no link, under a random name",
    ("data/synthesis/engine.py", "shutil.copyfile"): "into a temporary folder of the system's",
    ("data/synthesis/engine.py", "symlink_to"): "in a temporary folder of the system's",
}
"""What writes all the same, by file and call, and where to."""


def writes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and name of every call that may write a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            owner, name = _named(node.func)
            if name in WRITING_METHODS:
                yield node.lineno, name
            elif name in WRITING_FUNCTIONS.get(owner, ()):
                yield node.lineno, f"{owner}.{name}"
            elif name == "open" and _mode_writes(node):
                yield node.lineno, "open"


def _named(function: ast.expr) -> tuple[str, str]:
    """The owner and the name of what is called: ``soundfile`` and ``write``."""
    if isinstance(function, ast.Attribute):
        return (function.value.id if isinstance(function.value, ast.Name) else ""), function.attr
    return "", function.id if isinstance(function, ast.Name) else ""


def _mode_writes(call: ast.Call) -> bool:
    """Whether an ``open`` has a mode that writes, or one that only the run can tell."""
    given = [*call.args[:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    modes = [value for argument in given for value in _strings(argument)]
    return any(set(mode) <= set("rwaxbt+|:") and set(mode) & set("wax+") for mode in modes if mode)


def _strings(argument: ast.expr) -> Iterator[str]:
    yield from (node.value for node in ast.walk(argument) if isinstance(node, ast.Constant) and type(node.value) is str)


def found() -> Iterator[str]:
    """A sentence for every call that is neither known nor in asrtrain.files, and for what is known and gone."""
    left = dict(KNOWN)
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE).as_posix()
        if place.startswith("files/"):
            continue
        for line, name in writes(ast.parse(path.read_text(encoding="utf-8"))):
            left.pop((place, name), None)
            if (place, name) not in KNOWN:
                yield f"src/asrtrain/{place}:{line}: {name} writes a file past asrtrain.files.writing"
    yield from (f"scripts/doors.py knows of {name} in {place}, which is not there" for place, name in left)


if __name__ == "__main__":
    sentences = list(found())
    print(*sentences, sep="\n", end="\n" if sentences else "")
    sys.exit(bool(sentences))

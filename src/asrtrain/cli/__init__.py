"""The command line: parse, call, print, exit code. One file a command; what is heavy is imported when it is called."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, ENOSPC, EROFS

from asrtrain.allocator import choose_allocator
from asrtrain.cli.streams import prepared
from asrtrain.errors import AsrtrainError, Interrupted, OutputLost, TrainingError, UsageError
from asrtrain.interrupts import is_behind, obeyed
from asrtrain.terminal import naming, say

DEBUG = "--debug"
_DEBUG_VARIABLE = "ASRTRAIN_DEBUG"
INTERNAL_ERROR = 1
_FULL = (ENOSPC, EDQUOT, EFBIG, EROFS)
"""What the system says without a name. All else that it refuses is named: a file that nobody may write, say."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (by default the process's own) and return its exit code; errors go to standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in given or os.environ.get(_DEBUG_VARIABLE, "0") not in ("", "0")
    with prepared(), _warnings_said(), naming(given):
        try:
            with obeyed():
                choose_allocator()
                code = _run([argument for argument in given if argument != DEBUG])
            sys.stdout.flush()
            return code
        except (KeyboardInterrupt, Exception) as error:
            with suppress(OutputLost, OSError):
                sys.stdout.flush()
            return _told(error, debug)


@contextmanager
def _warnings_said() -> Iterator[None]:
    """Warnings of libraries may quote labels and file names, too."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda *what: say(warnings.formatwarning(*what[:4]).rstrip("\n"))
        yield


def _told(error: BaseException, debug: bool) -> int:
    """Say what was wrong, and return the exit code."""
    if is_behind(error):
        return Interrupted.exit_code
    if isinstance(error, AsrtrainError):
        _tell(str(error), debug)
        return error.exit_code
    if isinstance(error, OSError) and error.strerror and (error.filename or error.errno in _FULL):
        _tell(": ".join(str(part) for part in (error.filename, error.strerror) if part), debug)
        return UsageError.exit_code
    if isinstance(error, FileNotFoundError) and error.filename is None:  # the system was asked where we are
        _tell("the working folder has been deleted: change to one that is there", debug)
        return UsageError.exit_code
    if _needs_memory(error):
        _tell(f"there is not enough memory: {error}; lower the batch's size, or that of what is built", debug)
        return TrainingError.exit_code
    _tell(f"asrtrain: internal error: {type(error).__name__}: {error}; run again with {DEBUG} to see where", debug)
    return INTERNAL_ERROR


def _needs_memory(error: BaseException) -> bool:
    """Python and numpy say so by type; PyTorch has a type of its own on GPUs, and words alone on the processor."""
    return isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error)


def _run(arguments: list[str]) -> int:
    from asrtrain.cli.commands import app

    try:
        app(arguments, prog_name="asrtrain")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else INTERNAL_ERROR
    return 0


def _tell(message: str, debug: bool) -> None:
    if debug:
        import traceback

        say(traceback.format_exc().rstrip("\n"))
    if message:
        say(message)

"""The command line: parse, call, print, exit code. One file a command; what is heavy is imported when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from errno import EACCES, EDQUOT, EEXIST, EFBIG, EISDIR, ENOSPC, ENOTDIR, EPERM, EROFS

from asrtrain.allocator import choose_allocator
from asrtrain.errors import AsrtrainError, Interrupted, UsageError
from asrtrain.interrupts import is_behind, obeyed

DEBUG = "--debug"
_DEBUG_VARIABLE = "ASRTRAIN_DEBUG"
INTERNAL_ERROR = 1
_UNWRITABLE = (EACCES, EPERM, EROFS, EEXIST, EISDIR, ENOTDIR, ENOSPC, EDQUOT, EFBIG)
"""What is wrong with an output that the user named: nobody may write there, something else is there, or no room."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (by default the process's own) and return its exit code; errors go to standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in given or os.environ.get(_DEBUG_VARIABLE, "0") not in ("", "0")
    try:
        with obeyed():
            choose_allocator()
            return _run([argument for argument in given if argument != DEBUG])
    except KeyboardInterrupt:
        return Interrupted.exit_code
    except AsrtrainError as error:
        _tell(str(error), debug)
        return error.exit_code
    except Exception as error:
        if is_behind(error):
            return Interrupted.exit_code
        if isinstance(error, OSError) and error.errno in _UNWRITABLE:
            _tell(": ".join(str(part) for part in (error.filename, error.strerror) if part), debug)
            return UsageError.exit_code
        _tell(f"asrtrain: internal error: {type(error).__name__}: {error}; run again with {DEBUG} to see where", debug)
        return INTERNAL_ERROR
    finally:
        _flush()


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

        traceback.print_exc()
    print(message, file=sys.stderr)


def _flush() -> None:
    """Write out what is buffered; a reader that has gone away (``| head``) is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

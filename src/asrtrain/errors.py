"""What can go wrong, and the exit code that says so.

Every error that a user can cause is one of these; its text is one clear sentence (or one sentence a complaint) that
names the file, the line and the key where there is one, and says what to do.
"""

from __future__ import annotations


class AsrtrainError(Exception):
    """An error with a message for the user and an exit code for the shell."""

    exit_code = 1


class UsageError(AsrtrainError):
    """A wrong command line, or a configuration that cannot be accepted."""

    exit_code = 2


class DataError(AsrtrainError):
    """A manifest, transcript or recording that cannot be used."""

    exit_code = 3


class TrainingError(AsrtrainError):
    """Training stopped without a result: non-finite values, or a spent budget."""

    exit_code = 4


class CheckpointError(AsrtrainError):
    """A run folder or checkpoint that does not exist, does not verify or does not fit."""

    exit_code = 5


class Interrupted(AsrtrainError):  # noqa: N818 - it is no error, but what the user asked for
    """The user asked to stop; everything is saved."""

    exit_code = 130


class OutputLost(AsrtrainError):  # noqa: N818 - says what happened
    """Standard output takes no more: what was to be printed is not all there."""

    exit_code = 2


class ReaderGone(OutputLost):
    """Whoever reads standard output has enough (``| head``): the end is quiet, with the code of SIGPIPE."""

    exit_code = 141

"""All commands, joined."""

from __future__ import annotations

from typing import Annotated

import typer

from asrtrain.cli.align import align
from asrtrain.cli.calibrate import calibrate
from asrtrain.cli.clip import app as clip
from asrtrain.cli.compare import compare
from asrtrain.cli.config import app as config
from asrtrain.cli.crossval import crossval
from asrtrain.cli.data import app as data
from asrtrain.cli.evaluate import evaluate
from asrtrain.cli.explain import explain
from asrtrain.cli.fit import fit
from asrtrain.cli.grads import grads
from asrtrain.cli.help import QuickGroup
from asrtrain.cli.info import info
from asrtrain.cli.report import report
from asrtrain.cli.transcribe import transcribe
from asrtrain.terminal import show
from asrtrain.version import __version__

app = typer.Typer(
    cls=QuickGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train, score and use speech recognisers.",
)
app.command()(fit)
app.command("eval")(evaluate)
app.command()(transcribe)
app.command()(align)
app.command()(crossval)
app.command()(calibrate)
app.command()(grads)
app.command()(explain)
app.command()(compare)
app.command()(report)
app.add_typer(data, name="data")
app.add_typer(clip, name="clip")
app.add_typer(config, name="config")
app.command()(info)


def _print_version(wanted: bool) -> None:
    if wanted:
        show(f"asrtrain {__version__}")
        raise typer.Exit


@app.callback()
def _everywhere(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; so does ASRTRAIN_DEBUG=1.")
    ] = False,
) -> None:
    """Train, score and use speech recognisers."""

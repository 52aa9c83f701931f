"""``asrtrain config``: files that describe a run."""

from __future__ import annotations

import typer

from asrtrain.cli.config.check import check
from asrtrain.cli.config.copy import copy
from asrtrain.cli.config.init import init
from asrtrain.cli.config.list import list_shipped
from asrtrain.cli.config.schema import schema
from asrtrain.cli.config.show import show
from asrtrain.cli.help import QuickGroup

app = typer.Typer(cls=QuickGroup, no_args_is_help=True, help="Start, check and show configurations.")
app.command()(init)
app.command("list")(list_shipped)
app.command()(copy)
app.command()(check)
app.command()(show)
app.command()(schema)

__all__ = ["app"]

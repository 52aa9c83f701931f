"""``asrtrain data``: what comes before training."""

from __future__ import annotations

import typer

from asrtrain.cli.data.convert import convert
from asrtrain.cli.data.get import get
from asrtrain.cli.data.list import list_corpora
from asrtrain.cli.data.prepare import prepare
from asrtrain.cli.data.shard import shard
from asrtrain.cli.data.stats import stats
from asrtrain.cli.data.synth import synth
from asrtrain.cli.data.validate import validate
from asrtrain.cli.help import QuickGroup

app = typer.Typer(cls=QuickGroup, no_args_is_help=True, help="Get, check, describe, convert and make data.")
app.command("list")(list_corpora)
app.command()(get)
app.command()(prepare)
app.command()(validate)
app.command()(stats)
app.command()(convert)
app.command()(shard)
app.command()(synth)

__all__ = ["app"]

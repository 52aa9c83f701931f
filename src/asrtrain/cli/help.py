"""Help pages of command groups, drawn by rich without what Typer's own renderer loads (Markdown, tracebacks).

That halves the time until ``asrtrain --help`` answers; the page looks the same. Commands keep Typer's renderer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, final

from typer.core import TyperGroup

from asrtrain.cli.paths import take_home

if TYPE_CHECKING:
    from rich.console import Console
    from typer._click import Command, Context, HelpFormatter
    from typer._click.core import Parameter

Row = tuple[str, str]

MEANT = {
    **dict.fromkeys(("train", "training"), "fit"),
    **dict.fromkeys(("evaluate", "test", "score"), "eval"),
    **dict.fromkeys(("predict", "infer", "decode", "recognise", "recognize"), "transcribe"),
}
"""What commands are called elsewhere; the nearest spelling would be another command."""


@final
class QuickGroup(TyperGroup):
    """A group of commands with a help page that appears quickly."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - Typer's own
        super().__init__(**settings)
        for command in self.commands.values():
            if not command.help and command.callback:
                from asrtrain.config.docstrings import docstring_of  # after PYTHONOPTIMIZE=2 alone

                command.help = docstring_of(command.callback)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """The command of a name. A name that other tools have for one is answered with this one's."""
        meant = MEANT.get(args[0]) if args else None
        if meant in self.commands and args[0] not in self.commands:
            ctx.fail(f"No such command '{args[0]}'. Here it is called '{meant}'.")
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            _show_no_value_of_flags(command.get_params(ctx))
            take_home(command)
        return name, command, rest

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        from rich.console import Console

        console = Console(highlight=False)
        console.print(f"\n [yellow]Usage:[/] [bold]{ctx.command_path}[/] [cyan]\\[OPTIONS] COMMAND \\[ARGS]...[/]")
        console.print(f"\n {self.help}\n")
        options = [
            (", ".join(sorted(option.opts, reverse=True, key=len)), option.help or "")  # they come as a set
            for option in self.get_params(ctx)
            if hasattr(option, "help")
        ]
        commands = [(name, command.get_short_help_str(limit=200)) for name, command in self.commands.items()]
        _panel(console, "Options", options)
        _panel(console, "Commands", commands)


def _show_no_value_of_flags(parameters: Iterable[Parameter]) -> None:
    """Typer calls what a flag takes ``<bool>``, and it takes nothing."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""


def _panel(console: Console, title: str, rows: Iterable[Row]) -> None:
    from rich.panel import Panel
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    for name, meaning in rows:
        table.add_row(f"[bold cyan]{name}[/]", meaning)
    console.print(Panel(table, title=title, title_align="left", border_style="dim"))

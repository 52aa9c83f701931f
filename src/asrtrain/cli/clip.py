"""``asrtrain clip``: what the clipping rules are."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, final

import typer

from asrtrain.cli.help import QuickGroup
from asrtrain.cli.options import ReportFormat
from asrtrain.cli.output import print_report
from asrtrain.errors import UsageError

if TYPE_CHECKING:
    from asrtrain.clipping.cards import RuleCard

_WIDTH, _NAMES = 100, 18
_COLUMNS = ("formula", "defaults", "source", "cost")

app = typer.Typer(cls=QuickGroup, no_args_is_help=True, help="Show the gradient clipping rules.")


@app.command("list")
def list_rules(report_format: ReportFormat = "text") -> None:
    """List every clipping rule: formula, defaults, source and cost."""
    from asrtrain.clipping import CLIPPERS
    from asrtrain.clipping.cards import card_of

    print_report(_Cards(tuple(card_of(name, config) for name, config in CLIPPERS.items())), report_format)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="RULE", help="A rule, as clip list names it.", show_default=False)],
    report_format: ReportFormat = "text",
) -> None:
    """Show one clipping rule with the meaning of its keys."""
    from asrtrain.clipping import CLIPPERS
    from asrtrain.clipping.cards import card_of
    from asrtrain.config.words import suggestion

    if name not in CLIPPERS:
        raise UsageError(f"clip show {name}: there is no such rule; {suggestion(name, CLIPPERS)}")
    config = CLIPPERS[name]
    keys = {key: " ".join(text.split()) for key, text in config.descriptions().items()}
    print_report(_Rule(card_of(name, config), keys), report_format)


@final
@dataclass(frozen=True, slots=True)
class _Cards:
    """All rules: a rule to a paragraph, whose lines are the columns of the table."""

    cards: tuple[RuleCard, ...]

    def to_text(self) -> str:
        return "\n\n".join(_paragraph(card) for card in self.cards)

    def to_json(self) -> dict[str, Any]:
        return {"rules": [asdict(card) for card in self.cards]}


@final
@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule, with the meaning of its keys."""

    card: RuleCard
    keys: dict[str, str]

    def to_text(self) -> str:
        parts = [_paragraph(self.card)]
        if self.card.details:
            parts.append(textwrap.fill(self.card.details.replace("``", ""), _WIDTH))
        parts += [_line(key, meaning, 0) for key, meaning in self.keys.items()]
        return "\n\n".join(parts)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self.card), "keys": self.keys}


def _paragraph(card: RuleCard) -> str:
    values = asdict(card)
    return "\n".join([_line(card.name, card.purpose, 0), *(_line(column, values[column], 4) for column in _COLUMNS)])


def _line(name: str, value: str, margin: int) -> str:
    """A name and a value, which goes on below itself where it is long."""
    head = f"{' ' * margin}{name:{_NAMES - margin}}"
    return textwrap.fill(value or "none", _WIDTH, initial_indent=head, subsequent_indent=" " * _NAMES)

"""``asrtrain data list``."""

from __future__ import annotations

from asrtrain.terminal import show


def list_corpora() -> None:
    """List the corpora that can be read by name, and which of them are here."""
    from asrtrain.cli.corpora import corpora_folder, is_here
    from asrtrain.data.corpora import CORPORA

    folder = corpora_folder()
    for name, corpus in CORPORA.items():
        card = corpus.card
        here = f"in {folder / name}" if is_here(folder, name) else "not here"
        show(f"{name}: {card.title}\n    {card.language}, {card.size}, {card.licence}; {here}")
        show(f"    splits: {', '.join(card.splits)}\n    {card.homepage}")

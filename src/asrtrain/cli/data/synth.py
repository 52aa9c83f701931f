"""``asrtrain data synth``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from asrtrain.cli.options import Overrides
from asrtrain.errors import DataError, UsageError
from asrtrain.interrupts import held
from asrtrain.terminal import say, show

if TYPE_CHECKING:
    from asrtrain.data.synthesis.source import SynthConfig


def synth(
    *,
    output: Annotated[
        Path, typer.Option(help="A new folder, which gets manifest.jsonl and the recordings; a .wav file with --say.")
    ] = Path("synth"),
    say: Annotated[str | None, typer.Option(metavar="TEXT", help="Speak this text, once.", show_default=False)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the .wav file of --say.")] = False,
    count: Annotated[int | None, typer.Option(help="How many utterances.", show_default=False)] = None,
    split: Annotated[
        Literal["train", "held_out", "all"] | None,
        typer.Option(help="Whose voices: train and held_out have none in common.", show_default=False),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides every draw.", show_default=False)] = None,
    overrides: Overrides = None,
) -> None:
    """Make spoken digits and digit strings with espeak-ng, bit-reproducibly; prints the manifest."""
    given = {"count": count, "split": split, "seed": seed}
    if say is not None:
        if overrides or any(value is not None for value in given.values()):
            raise UsageError("--say speaks one text with one voice: leave the other options away")
        from asrtrain.cli.data.speaking import speak_to_file

        show(speak_to_file(say, output, overwrite=overwrite))
        return
    if overwrite:
        raise UsageError("--overwrite goes with --say: a folder of recordings is never replaced, name a new one")
    with held():
        from asrtrain.config.loading import build_config
        from asrtrain.data.synthesis.source import SynthConfig

    settings = [f"{key}={value}" for key, value in given.items() if value is not None]
    show(_make(build_config(SynthConfig, {}, [*settings, *(overrides or ())]), output))


def _make(config: SynthConfig, folder: Path) -> Path:
    if folder.exists():
        raise DataError(f"{folder} exists already: choose another --output, or delete it first")
    from asrtrain.files.writing import clear_leavings, folder_beside

    folder.parent.mkdir(parents=True, exist_ok=True)
    clear_leavings(folder.parent)
    with folder_beside(folder) as cache:
        utterances = config.load(cache)
        utterances[0].audio.parent.rename(folder)
    say(f"{len(utterances)} utterances")
    return folder / "manifest.jsonl"

"""One text, spoken into one file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from asrtrain.errors import UsageError
from asrtrain.files.writing import write_file
from asrtrain.interrupts import held

LANGUAGE, VARIANT = "en-us", "f4"
"""An accent that is trained on, and a variant that is not."""


def speak_to_file(text: str, path: Path, *, overwrite: bool = False) -> Path:
    """Write a WAV file at espeak-ng's own sampling rate.

    Args:
        text: what is spoken.
        path: the file, whose name ends in .wav.
        overwrite: whether a file that is there is replaced.

    Returns:
        The path.

    Raises:
        UsageError: the name is no WAV file's or is taken, or there is nothing to be heard in the text.
        DataError: espeak-ng cannot speak.
    """
    import soundfile

    with held():
        from asrtrain.data.synthesis.engine import Engine

    if path.suffix.lower() != ".wav":
        raise UsageError(f"--output {path}: --say writes a recording; name a .wav file")
    if not overwrite and (path.exists() or path.is_symlink()):
        raise UsageError(f"{path} exists already: choose another --output, or add --overwrite to replace it")
    with Engine() as engine:
        samples = engine.speak(text, LANGUAGE, VARIANT, rate=160, pitch=50, pitch_range=50, seed=0)
        if not samples.any():
            raise UsageError(f"--say {text!r}: there is nothing to be heard in it")
    sound = BytesIO()
    soundfile.write(sound, samples, engine.sample_rate, format="WAV", subtype="PCM_16")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, sound.getvalue())
    return path

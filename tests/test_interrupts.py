"""Ctrl-C: held where native code calls back, delivered again where Python drops it."""

from __future__ import annotations

import ctypes
import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asrtrain.data.audio import decode_audio
from asrtrain.interrupts import held, is_behind, obeyed

_Callback = ctypes.CFUNCTYPE(ctypes.c_int)
PLAIN = signal.default_int_handler


def test_a_signal_in_a_block_that_holds_it_is_answered_at_the_end_of_the_block() -> None:
    done = []

    def interrupted() -> None:
        with held():
            signal.raise_signal(signal.SIGINT)
            done.append("all of the block")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["all of the block"]
    assert signal.getsignal(signal.SIGINT) is PLAIN


def test_a_held_signal_goes_to_the_handler_that_was_there() -> None:
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        with held():
            signal.raise_signal(signal.SIGTERM)
            assert not came
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


class Dying:
    """Is interrupted while it is cleared away, where no error can be caught."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def _called_back() -> None:
    _Callback(lambda: signal.raise_signal(signal.SIGINT) or 0)()


def _cleared_away() -> None:
    Dying()


@pytest.mark.parametrize("drop", [_called_back, _cleared_away])
def test_an_interrupt_that_python_drops_comes_again(drop: object) -> None:
    assert callable(drop)

    def wait() -> None:
        with obeyed():
            drop()
            until = time.monotonic() + 10
            while time.monotonic() < until:
                time.sleep(0.01)

    hook = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt):
        wait()
    assert sys.unraisablehook is hook


def test_other_dropped_errors_go_where_they_went() -> None:
    seen = []
    hook, sys.unraisablehook = sys.unraisablehook, seen.append
    try:
        with obeyed():
            _Callback(lambda: 1 // 0)()
    finally:
        sys.unraisablehook = hook
    assert [one.exc_type for one in seen] == [ZeroDivisionError]


def test_what_an_interrupt_has_become_is_known_by_where_it_comes_from() -> None:
    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("half a module") from error

    with pytest.raises(ImportError) as caught:
        interrupted()
    assert is_behind(caught.value)
    assert not is_behind(ValueError("of its own"))


def test_an_interrupt_while_a_recording_in_memory_is_decoded_loses_no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder reads through callbacks, where an interrupt would be dropped with the bytes that it asked for."""
    sound = io.BytesIO()
    soundfile.write(sound, np.sin(np.arange(20_000) / 7), 8000, format="FLAC")
    content = sound.getvalue()

    class Interrupting(io.BytesIO):
        armed = 0

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            if Interrupting.armed:
                Interrupting.armed -= 1
                if not Interrupting.armed:
                    signal.raise_signal(signal.SIGINT)
            return super().readinto(buffer)

    def arm(stream: io.BytesIO, _name: str) -> None:
        stream.seek(0)
        Interrupting.armed = 3

    stream = io.BytesIO(content)
    monkeypatch.setattr("asrtrain.data.decoder.io.BytesIO", Interrupting)
    monkeypatch.setattr("asrtrain.data.decoder.check_container", arm)
    with pytest.raises(KeyboardInterrupt):
        decode_audio(stream, "a recording", 8000)
    assert not Interrupting.armed


LOADING = """\
import os, signal, sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy" and "numpy" not in sys.modules:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):
                pass
        return None
sys.meta_path.insert(0, Interrupts())
from asrtrain.cli import main
code = main(sys.argv[1:])
print(code, "numpy" in sys.modules)
"""


@pytest.mark.parametrize(
    "command", ["fit nothing.yaml", "data synth --count 1 --output speech", "data stats nothing.csv"]
)
def test_libraries_are_loaded_to_the_end_before_a_ctrl_c_is_answered(command: str, tmp_path: Path) -> None:
    """Half loaded, they abort the program or cannot be loaded again."""
    done = subprocess.run(
        [sys.executable, "-c", LOADING, *command.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["130", "True"], done.stderr
    assert "internal error" not in done.stderr

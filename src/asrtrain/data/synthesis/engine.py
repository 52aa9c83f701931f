"""espeak-ng through ctypes: text and a voice to samples, bit-reproducibly."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final, Self, final

import numpy as np

from asrtrain.errors import DataError
from asrtrain.interrupts import held
from asrtrain.optional import optional
from asrtrain.types import Hertz

if TYPE_CHECKING:
    import numpy.typing as npt

_SYNCHRONOUS = 2
_UTF8 = 1
_RATE, _VOLUME, _PITCH, _PITCH_RANGE = 1, 2, 3, 4
_BY_CHARACTER = 1

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def require_espeak() -> ModuleType:
    """The package that brings espeak-ng, whose licence is GPL-3.0. Raises UsageError where it is not installed."""
    with optional("espeakng-loader", "speech synthesis by espeak-ng (GPL-3.0)"):
        import espeakng_loader
    module: ModuleType = espeakng_loader
    return module


@final
class Engine:
    """One instance of espeak-ng, which says the same whenever it is asked the same things in the same order.

    espeak-ng keeps state in its library (where its pitch flutter is, what its noise generator said last) that no call
    resets. So every engine loads a private copy of the library, and seeds both random generators before each utterance.
    Voices are ``language+variant``: the language gives the accent, the variant the speaker.
    """

    def __init__(self) -> None:
        espeakng_loader = require_espeak()
        self._folder = tempfile.TemporaryDirectory(prefix="espeak-")
        library = Path(self._folder.name) / "libespeak-ng"
        shutil.copyfile(espeakng_loader.get_library_path(), library)
        # The library cuts the path of its data at 160 bytes; a link in the temporary folder is short.
        data = Path(espeakng_loader.get_data_path())
        (Path(self._folder.name) / "espeak-ng-data").symlink_to(data)
        self.variants: Final = tuple(sorted(path.name for path in (data / "voices" / "!v").iterdir()))
        try:
            self._espeak = ctypes.CDLL(str(library))
        except OSError as error:
            raise DataError(f"cannot load espeak-ng: {error}; set TMPDIR to a folder that allows programs") from error
        self._libc = ctypes.CDLL(None)
        self._chunks: list[npt.NDArray[np.int16]] = []
        self._failure: BaseException | None = None
        """What was raised while a block of samples was taken."""
        self._callback = _Callback(self._receive)
        self.sample_rate: Final = self._initialise()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._espeak.espeak_Terminate()
        self._folder.cleanup()

    def _initialise(self) -> Hertz:
        espeak = self._espeak
        espeak.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        espeak.espeak_SetSynthCallback.argtypes = [_Callback]
        espeak.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        espeak.espeak_SetParameter.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
        espeak.espeak_Synth.argtypes = [
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int),
            *(ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p),
        ]
        espeak.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        self._libc.srand.argtypes = [ctypes.c_uint]
        rate: int = espeak.espeak_Initialize(_SYNCHRONOUS, 0, self._folder.name.encode(), 0)
        if rate <= 0:
            raise DataError("espeak-ng does not start: reinstall the package espeakng-loader")
        espeak.espeak_SetSynthCallback(self._callback)
        return rate

    def _receive(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: object) -> int:
        """Take a block of samples. ctypes drops what is raised in here, so it is kept and raised afterwards."""
        try:
            if samples and count > 0:
                self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        except BaseException as error:
            self._failure = error
            return 1  # espeak-ng stops
        return 0

    def speak(
        self, text: str, language: str, variant: str, *, rate: int, pitch: int, pitch_range: int, seed: int
    ) -> npt.NDArray[np.float32]:
        """Samples (S,) in [-1, 1] at ``sample_rate``, which may be none at all if the text has no sound.

        ``rate`` is in words a minute (80 to 450), ``pitch`` and ``pitch_range`` go from 0 to 99. Raises DataError.
        """
        # An unknown variant would be ignored in silence.
        voice = f"{language}+{variant}"
        if variant not in self.variants or self._espeak.espeak_SetVoiceByName(voice.encode()) != 0:
            raise DataError(f"espeak-ng has no voice {voice}")
        for parameter, value in ((_RATE, rate), (_VOLUME, 100), (_PITCH, pitch), (_PITCH_RANGE, pitch_range)):
            self._espeak.espeak_SetParameter(parameter, value, 0)
        self._espeak.espeak_ng_SetRandSeed(seed)
        self._libc.srand(seed)
        self._chunks.clear()
        self._failure = None
        encoded = text.encode()
        with held():  # a signal waits for the end of the call: in a callback its error would be dropped
            failure = self._espeak.espeak_Synth(encoded, len(encoded) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
        if self._failure is not None:
            raise self._failure
        if failure:
            raise DataError(f"espeak-ng cannot say {text!r} with the voice {voice}")
        pieces = np.concatenate([np.zeros(0, np.int16), *self._chunks])
        return pieces.astype(np.float32) / 32768.0

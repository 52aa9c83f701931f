"""Other libraries' MFCCs, in a process of their own Python: ``front_end.py`` asks it for one run at a time.

On the command line a .npy file of waveforms (B, S) at 16 kHz. It prints the names of the candidates whose libraries are
there, as one line of JSON; then for each name on its input a line with the CPU seconds of one run. All work on one
thread and do the same: frames of 25 ms every 10 ms, 512 points, 40 mel bands, 13 coefficients, no pre-emphasis.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import torch
from timing import cpu_seconds

RATE, BATCH = 16_000, 64

Waveforms = npt.NDArray[np.float32]
Candidates = dict[str, Callable[[], object]]


def lhotse(waveforms: Waveforms) -> Candidates:
    from lhotse import Mfcc, MfccConfig

    extractor = Mfcc(
        MfccConfig(num_filters=40, snip_edges=True, preemph_coeff=0.0, remove_dc_offset=False, high_freq=8000.0)
    )
    tensor = torch.from_numpy(waveforms)
    return {
        "lhotse/file_by_file": lambda: [extractor.extract(waveform, RATE) for waveform in tensor],
        "lhotse/batched": lambda: [extractor.extract_batch(batch, RATE) for batch in tensor.split(BATCH)],
    }


def speechbrain(waveforms: Waveforms) -> Candidates:
    from speechbrain.lobes.features import MFCC

    extractor = MFCC(deltas=False, context=False, sample_rate=RATE, n_fft=512, n_mels=40, n_mfcc=13)
    tensor = torch.from_numpy(waveforms)
    return {
        "speechbrain/file_by_file": lambda: [extractor(waveform[None]) for waveform in tensor],
        "speechbrain/batched": lambda: [extractor(batch) for batch in tensor.split(BATCH)],
    }


def kaldi_native_fbank(waveforms: Waveforms) -> Candidates:
    import kaldi_native_fbank as knf

    options = knf.MfccOptions()
    frame = options.frame_opts
    frame.samp_freq, frame.dither, frame.preemph_coeff, frame.remove_dc_offset = RATE, 0, 0, False
    options.mel_opts.num_bins, options.num_ceps, options.use_energy = 40, 13, False
    lists = waveforms.tolist()  # what its documentation hands over, and faster than arrays

    def extract(samples: list[float]) -> npt.NDArray[np.float32]:
        extractor = knf.OnlineMfcc(options)
        extractor.accept_waveform(RATE, samples)
        extractor.input_finished()
        return np.stack([extractor.get_frame(i) for i in range(extractor.num_frames_ready)])

    return {"kaldi_native_fbank/file_by_file": lambda: [extract(samples) for samples in lists]}


def librosa(waveforms: Waveforms) -> Candidates:
    from librosa.feature import mfcc

    settings = {"n_mfcc": 13, "n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 40, "center": False}
    return {
        "librosa/file_by_file": lambda: [mfcc(y=waveform, sr=RATE, **settings) for waveform in waveforms],
        "librosa/batched": lambda: [
            mfcc(y=waveforms[first : first + BATCH], sr=RATE, **settings) for first in range(0, len(waveforms), BATCH)
        ],
    }


def found(waveforms: Waveforms) -> Iterator[tuple[str, Callable[[], object]]]:
    for library in (lhotse, speechbrain, kaldi_native_fbank, librosa):
        if find_spec(library.__name__) is not None:
            yield from library(waveforms).items()


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    candidates = dict(found(np.load(sys.argv[1])))
    print(json.dumps(list(candidates)), flush=True)
    for name in sys.stdin:
        print(cpu_seconds(candidates[name.strip()]), flush=True)


if __name__ == "__main__":
    main()

"""Opening a manifest of a million utterances, an epoch of its batches, and going on in the middle of one.

Utterances are parts of long recordings, a hundred of each; ``--files`` gives each a file of its own. Each measurement
is made in a process of its own: seconds of CPU, and the most resident memory beyond what the imports take, MB.
``known_again_s`` is what it takes to see that every recording still has the content whose hash was kept; nothing else
is read of them. lhotse, where it is installed, opens the same as cuts and makes their batches, in a process of
``--peers``; to go on in the middle of an epoch it makes the batches before again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from command_line import add_peers_option, options_of, show

HERE = Path(__file__).resolve().parent
OURS, THEIRS = HERE / "manifests_open.py", HERE / "peers" / "lhotse_open.py"
UTTERANCES, QUICK = 1_000_000, 100_000
PER_RECORDING, PER_FOLDER = 100, 1000
WORDS = tuple("the quick brown fox jumps over a lazy dog and nobody knows why it should ever have done so".split())  # noqa: SIM905


@dataclass(frozen=True)
class Row:
    """A line of a manifest."""

    id: str
    audio: str
    text: str
    speaker: str
    offset: float
    duration: float


def rows(count: int, per_recording: int) -> Iterator[Row]:
    """Utterances of 1 to 16 seconds with texts of 4 to 16 words."""
    offset = 0.0
    for number in range(count):
        recording, part = divmod(number, per_recording)
        offset = offset if part else 0.0
        duration = 1 + number * 7919 % 1501 / 100
        text = " ".join(WORDS[(number + place * 7) % len(WORDS)] for place in range(4 + number % 13))
        audio = f"audio/{recording // PER_FOLDER:04d}/recording-{recording:07d}.flac"
        yield Row(f"utterance-{number:07d}", audio, text, f"speaker-{recording % 5000}", offset, duration)
        offset = round(offset + duration, 2)


def write(folder: Path, count: int, per_recording: int) -> dict[str, Path]:
    """The manifests by their formats; recordings are there, but have no sound."""
    for recording in range(-(-count // per_recording)):
        place = folder / f"audio/{recording // PER_FOLDER:04d}/recording-{recording:07d}.flac"
        if recording % PER_FOLDER == 0:
            place.parent.mkdir(parents=True)
        place.write_bytes(b"fLaC")
    kaldi = folder / "kaldi"
    kaldi.mkdir()
    names = ("m.jsonl", "m.tsv", "m.csv", "kaldi/text", "kaldi/utt2spk", "kaldi/segments", "kaldi/wav.scp")
    files = {name: (folder / name).open("w", encoding="utf-8") for name in names}
    for name, mark in (("m.tsv", "\t"), ("m.csv", ",")):
        print(*Row.__annotations__, sep=mark, file=files[name])
    last = ""
    for row in rows(count, per_recording):
        values = {
            "audio_filepath": row.audio,
            "text": row.text,
            "duration": row.duration,
            "offset": row.offset,
            "speaker": row.speaker,
            "id": row.id,
        }
        print(json.dumps(values), file=files["m.jsonl"])
        for name, mark in (("m.tsv", "\t"), ("m.csv", ",")):
            print(row.id, row.audio, row.text, row.speaker, row.offset, row.duration, sep=mark, file=files[name])
        recording = Path(row.audio).stem
        print(row.id, row.text, file=files["kaldi/text"])
        print(row.id, row.speaker, file=files["kaldi/utt2spk"])
        print(row.id, recording, row.offset, round(row.offset + row.duration, 2), file=files["kaldi/segments"])
        if recording != last:
            print(recording, f"../{row.audio}", file=files["kaldi/wav.scp"])
        last = recording
    for file in files.values():
        file.close()
    return {"jsonl": folder / "m.jsonl", "tsv": folder / "m.tsv", "csv": folder / "m.csv", "kaldi": kaldi}


def measured(python: str, program: Path, *arguments: object) -> dict[str, float]:
    """What a program says it took; nothing where what it needs is not installed."""
    command = [python, "-W", "ignore", str(program), *map(str, arguments)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


def main() -> dict[str, float]:
    parser = options_of(__doc__, f"{QUICK:,} utterances in place of {UTTERANCES:,}")
    parser.add_argument("--files", action="store_true", help="a recording for each utterance")
    add_peers_option(parser)
    options = parser.parse_args()
    count = QUICK if options.quick else UTTERANCES
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        manifests = write(Path(folder), count, 1 if options.files else PER_RECORDING)
        resumed_at = count // 50
        for name, path in manifests.items():
            for key, value in measured(sys.executable, OURS, path, Path(folder) / "cache", resumed_at).items():
                found[f"{name}_{key}"] = value
        for key, value in measured(options.peers, THEIRS, manifests["jsonl"], resumed_at).items():
            found[f"lhotse_{key}"] = value
    show(found, options.format)
    return found


if __name__ == "__main__":
    main()

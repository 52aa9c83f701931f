"""What is damaged, and what reads it: each target makes one case from a generator of random numbers and tries it."""

from __future__ import annotations

import json
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import torch

from asrtrain.clipping import CLIPPERS, Clipper, build_clipper
from asrtrain.errors import AsrtrainError
from asrtrain.language.arpa import read_arpa
from asrtrain.language.lexicon import read_lexicon
from asrtrain.language.models import LanguageModel
from asrtrain.training.manifest import MANIFEST, write_folder
from tests.fuzz.mutations import VALUES, damaged, with_another_value
from tests.fuzz.recipe import call, copied, trained

ACCEPTED = (0, 2, 3, 4, 5, 130)
"""The exit codes of README's table."""


class FaultError(AssertionError):
    """An outcome that is neither a result nor a sentence of the project."""


class Target(ABC):
    """Inputs of one kind."""

    @abstractmethod
    def __init__(self, folder: Path) -> None:
        """Make what is to be damaged in an empty folder."""

    @abstractmethod
    def case(self, rng: random.Random) -> str:
        """Try one case; returns what came of it, in a word or two. Raises FaultError, or whatever the code raised."""


class _RunFiles(Target):
    """Some files of a scored run folder, and the commands that read them."""

    def __init__(self, folder: Path) -> None:
        self._home = folder
        self._run = trained(folder)
        self._files = self._chosen()

    @abstractmethod
    def _chosen(self) -> list[Path]: ...

    def _damage(self, path: Path, rng: random.Random) -> None:
        content = path.read_bytes()
        if path.suffix == ".json" and rng.random() < 0.6:
            path.write_bytes(with_another_value(content, rng))
        elif path.suffix == ".jsonl" and rng.random() < 0.6:
            lines = content.splitlines()
            at = rng.randrange(len(lines))
            lines[at] = with_another_value(lines[at], rng)
            path.write_bytes(b"\n".join(lines) + b"\n")
        else:
            path.write_bytes(damaged(content, rng))

    def case(self, rng: random.Random) -> str:
        run = copied(self._run, self._home / "copy")
        chosen = rng.choice(self._files)
        self._damage(run / chosen, rng)
        command = rng.choice(self._commands(run))
        if command[0] == "fit":
            (run / "outcome.json").unlink(missing_ok=True)
        code, printed = call(self._home, *command, "--debug")
        if code not in ACCEPTED or ("Traceback" in printed.replace("AsrtrainError", "") and code in (0, 1)):
            raise FaultError(f"{command[0]} with {chosen} damaged: exit code {code}\n{printed[-3000:]}")
        return f"{command[0]} {code}"

    def _commands(self, run: Path) -> list[tuple[object, ...]]:
        recording = self._home / "data" / "low-0.wav"
        return [
            ("eval", run),
            ("transcribe", recording, "--run", run),
            ("fit", self._home / "c.yaml", "--output", run),
            ("report", run, "--output", self._home / "report.html"),
            ("grads", run),
            ("explain", run, "--step", 1),
            ("align", run),
        ]


@final
class CheckpointFiles(_RunFiles):
    """Weights, states and manifests; half of the time the hashes are made to fit, so that the content is judged."""

    def _chosen(self) -> list[Path]:
        files = [path for path in (self._run / "checkpoints").glob("*/*") if not path.parent.is_symlink()]
        return sorted(path.relative_to(self._run) for path in files)

    def _damage(self, path: Path, rng: random.Random) -> None:
        super()._damage(path, rng)
        if path.name != MANIFEST and rng.random() < 0.5:
            files = {one.name: one.read_bytes() for one in path.parent.iterdir() if one.name != MANIFEST}
            for one in path.parent.iterdir():
                one.unlink()
            path.parent.rmdir()
            write_folder(path.parent, files)


@final
class RunFiles(_RunFiles):
    """Everything else that a run folder holds and a command reads."""

    def _chosen(self) -> list[Path]:
        unread = {".png", ".npz", ".npy"}
        files = [path for path in self._run.rglob("*") if path.is_file() and "tfevents" not in path.name]
        own = [path.relative_to(self._run) for path in files if path.suffix not in unread]
        return sorted(path for path in own if path.parts[0] != "checkpoints" and not path.name.startswith("."))


@final
class LanguageFiles(Target):
    """ARPA files and pronouncing dictionaries."""

    ARPA = (
        "\\data\\\nngram 1=5\nngram 2=4\n\n\\1-grams:\n-0.7 <s> -0.3\n-0.7 </s>\n-0.5 one -0.2\n-0.6 two -0.1\n"
        "-99 <unk>\n\n\\2-grams:\n-0.1 <s> one\n-0.2 one two\n-0.3 two </s>\n-0.4 two one\n\n\\end\\\n"
    )
    LEXICON = ";;; comment\none W AH N\ntwo T UW\ntwo T UH\nöl OE L\n"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def case(self, rng: random.Random) -> str:
        arpa = rng.random() < 0.6
        path = self._folder / "file.txt"
        path.write_bytes(damaged((self.ARPA if arpa else self.LEXICON).encode(), rng))
        try:
            if not arpa:
                return f"lexicon {min(3, len(read_lexicon(path)))}"
            language = LanguageModel(2, 1.0)
            language.take(read_arpa(path, ("one", "two")))
            language.grammar(0.5)
        except AsrtrainError as error:
            return f"{'arpa' if arpa else 'lexicon'} refused: {type(error).__name__}"
        return "arpa read"


@final
class ClippingCalls(Target):
    """Rules with any settings, on gradients of any kind."""

    def __init__(self, folder: Path) -> None:
        self._settings = [{"name": name, **one} for name, config in CLIPPERS.items() for one in config.examples]
        self._repeats_others = False

    def case(self, rng: random.Random) -> str:
        chosen = [self._rule(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        rules = chosen[0] if len(chosen) == 1 else chosen
        # Another library's arithmetic, with its overflows, is what ``compat`` asks for.
        self._repeats_others = any(isinstance(rule, dict) and "compat" in rule for rule in chosen)
        try:
            clipper = build_clipper(rules, seed=rng.randrange(5))
            for _ in range(rng.choice((1, 3))):
                self._use(clipper, rng)
        except AsrtrainError as error:
            return f"refused: {type(error).__name__}"
        return "clipped"

    def _rule(self, rng: random.Random) -> Any:
        rule: dict[str, Any] = dict(rng.choice(self._settings))
        if rng.random() < 0.5:
            keys = [*CLIPPERS[rule["name"]].model_fields, "treshold"]
            rule[rng.choice(keys)] = rng.choice((*VALUES, "global", "layer", "tensor", {"name": "dynamic"}, (1, 2)))
        return rng.choice(VALUES) if rng.random() < 0.02 else rule

    def _use(self, clipper: Clipper, rng: random.Random) -> None:
        parameters = [self._parameter(rng) for _ in range(rng.choice((0, 1, 2, 5)))]
        named = [(f"layers.{i}.weight", one) for i, one in enumerate(parameters)]
        given = rng.choice((named, parameters, iter(named), tuple(parameters), [*parameters, *parameters[:1]]))
        report = clipper(given, detailed=rng.random() < 0.5)
        before, after = float(report.norm_before), float(report.norm_after)
        spoilt = [one for one in parameters if one.grad is not None and not one.grad.isfinite().all()]
        if spoilt and math.isfinite(before) and not self._repeats_others:
            raise FaultError(f"finite gradients of norm {before} became infinite or NaN (norm after: {after})")
        if rng.random() < 0.3:
            state = clipper.state_dict()
            clipper.load_state_dict(state)

    def _parameter(self, rng: random.Random) -> torch.Tensor:
        shape: Sequence[int] = rng.choice(((3,), (2, 3), (), (0,), (2, 0), (4, 3, 2), (1,)))
        dtype = rng.choice((torch.float32,) * 4 + (torch.float64, torch.float16, torch.bfloat16))
        parameter = torch.nn.Parameter(torch.randn(tuple(shape)).to(dtype))
        if rng.random() < 0.9:
            scale = 10.0 ** rng.choice((-300, -50, -45, -3, 0, 0, 0, 3, 4, 30, 38, 300))
            gradient = (torch.randn(tuple(shape), dtype=torch.float64) * scale).to(dtype)
            if rng.random() < 0.1 and gradient.numel():
                gradient.view(-1)[0] = rng.choice((float("nan"), float("inf"), -float("inf")))
            parameter.grad = gradient
        return parameter


TARGETS: dict[str, type[Target]] = {
    "checkpoint": CheckpointFiles,
    "run": RunFiles,
    "language": LanguageFiles,
    "clipping": ClippingCalls,
}


def seeded(target: str, seed: int, number: int) -> random.Random:
    """The generator of one case, by which it can be tried again alone."""
    return random.Random(json.dumps([target, seed, number]))

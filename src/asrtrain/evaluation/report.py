"""The scores of a test set, for people (``%WER`` lines) and for programs (JSON)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from asrtrain.evaluation.alignment import Counts
from asrtrain.evaluation.identity import Origin, ScoredData, identity_of
from asrtrain.evaluation.intervals import ROUGH_BELOW, interval
from asrtrain.evaluation.outcome import Outcome
from asrtrain.types import Seconds, Task

ROUGH = f" (rough: fewer than {ROUGH_BELOW} utterances)"


@dataclass(frozen=True)
class EvalReport:
    """The outcomes of a test set and every figure that follows from them.

    ``seconds`` is the computing time that recognition took; the real-time factor is that over the speech's duration.
    ``unknown`` is how many of the words said are not in the recogniser's vocabulary; None where it is no words'.
    ``unsayable`` is how many references have a symbol that is not in it, so that they cannot come out right.
    ``origin`` and ``data`` say which weights and utterances these are, and are None where that is not known. Of no
    outcomes, as in a part of few utterances, there are no figures.
    """

    task: Task
    name: str
    outcomes: Sequence[Outcome]
    seconds: Seconds
    unknown: int | None = None
    origin: Origin | None = None
    unsayable: int = 0
    data: ScoredData | None = None

    @cached_property
    def words(self) -> Counts:
        return sum((o.words for o in self.outcomes), Counts())

    @cached_property
    def characters(self) -> Counts:
        return sum((o.characters for o in self.outcomes), Counts())

    @property
    def wrong(self) -> int:
        """How many utterances have at least one error."""
        return sum(not o.correct for o in self.outcomes)

    @property
    def accuracy(self) -> float:
        return 1 - self.wrong / len(self.outcomes)

    @property
    def real_time_factor(self) -> float:
        spoken = sum(o.duration for o in self.outcomes)
        return self.seconds / spoken if spoken else 0.0

    @cached_property
    def confidence_interval(self) -> tuple[float, float]:
        """95 % interval of the main figure: accuracy of words, WER of sentences."""
        if self.task == "classification":
            return interval([o.correct for o in self.outcomes], [1] * len(self.outcomes))
        counts = [o.words for o in self.outcomes]
        return interval([c.errors for c in counts], [c.reference for c in counts])

    @property
    def rough(self) -> bool:
        """Whether the interval is rough: word errors of few utterances say little about how errors go together."""
        return self.task == "transcription" and len(self.outcomes) < ROUGH_BELOW

    @property
    def confusions(self) -> Counter[tuple[str, str]]:
        """How often each word was taken for another: (said, recognised) → times."""
        if self.task == "classification":
            return Counter((o.reference, o.hypothesis.text) for o in self.outcomes if not o.correct)
        pairs = (pair for o in self.outcomes for pair in o.word_pairs)
        return Counter((said, heard) for said, heard in pairs if said and heard and said != heard)

    @property
    def speakers(self) -> dict[str, EvalReport]:
        """The same report for each speaker."""
        own: dict[str, list[Outcome]] = defaultdict(list)
        for outcome in self.outcomes:
            own[outcome.speaker].append(outcome)
        spoken = sum(o.duration for o in self.outcomes) or 1.0
        return {
            speaker: EvalReport(self.task, speaker, mine, self.seconds * sum(o.duration for o in mine) / spoken)
            for speaker, mine in sorted(own.items())
        }

    def to_json(self) -> dict[str, Any]:
        """Every figure by name; rates are fractions, not percentages."""
        figures: dict[str, Any] = {"task": self.task, "name": self.name, "n": len(self.outcomes)}
        figures |= identity_of(self.origin, self.data)
        figures |= {"real_time_factor": self.real_time_factor}
        if not self.outcomes:
            return figures
        low, high = self.confidence_interval
        figures |= {"unsayable_references": self.unsayable}
        if self.task == "classification":
            figures |= {"accuracy": self.accuracy, "errors": self.wrong}
        else:
            figures |= {
                "wer": self.words.rate,
                "cer": self.characters.rate,
                "ser": 1 - self.accuracy,
                "words": self.words.reference,
                "substitutions": self.words.substitutions,
                "insertions": self.words.insertions,
                "deletions": self.words.deletions,
                "out_of_vocabulary": self.unknown,
            }
        return figures | {"interval": [low, high], "interval_level": 0.95, "interval_rough": self.rough}

    def to_text(self) -> str:
        """The lines that people read and scripts search: ``%WER 0.50 [ 5 / 1000, 1 ins, 2 del, 2 sub ]``."""
        if not self.outcomes:
            return f"{self.name}: no utterance is in it"
        low, high = self.confidence_interval
        between = f"95 % interval {100 * low:.2f} to {100 * high:.2f}{ROUGH if self.rough else ''}"
        if self.task == "classification":
            right = len(self.outcomes) - self.wrong
            lines = [f"%ACC {100 * self.accuracy:.2f} [ {right} / {len(self.outcomes)} ], {between}"]
        else:
            lines = [
                f"{error_line('WER', self.words)}, {between}",
                error_line("CER", self.characters),
                f"%SER {100 * (1 - self.accuracy):.2f} [ {self.wrong} / {len(self.outcomes)} ]",
            ]
            if self.unknown:
                share = 100 * self.unknown / self.words.reference
                lines.append(f"%OOV {share:.2f} [ {self.unknown} / {self.words.reference} ]")
        if self.unsayable:
            lines.append(
                f"{self.unsayable} of {len(self.outcomes)} references cannot come out right, and count as errors"
            )
        return "\n".join([*lines, f"real-time factor {self.real_time_factor:.4f}"])


def error_line(label: str, counts: Counts) -> str:
    """Kaldi's line: ``%WER 12.34 [ 123 / 997, 10 ins, 20 del, 93 sub ]``."""
    return (
        f"%{label} {100 * counts.rate:.2f} [ {counts.errors} / {counts.reference}, {counts.insertions} ins, "
        f"{counts.deletions} del, {counts.substitutions} sub ]"
    )
